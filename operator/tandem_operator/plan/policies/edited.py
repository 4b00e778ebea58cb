"""Was the spec edited while workers wait? Then they wait by what it said before, and what was mended would not reach them.

Pods cannot be changed once they are made: an image with a typo, too much memory, a Secret of another name stay as they were. So an
attempt that is not up yet starts anew by the edited spec, also where some of its workers have not been let in at all: those would be
made by another spec than their peers. One that trains keeps what it was told, and the next one learns of it.
"""

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen

from . import wanted


def meanwhile(run: TrainingRun, seen: Seen) -> Ending | None:
    """The end of an attempt that waits by a spec of yesterday; None while it does not, or nobody has edited it."""
    if run.status.phase is not RunPhase.PENDING or run.status.observed_generation in {0, run.metadata.generation}:
        return None
    if not wanted.down(run, seen):
        return None
    return Ending(reason=Reason.EDITED, message="the spec was edited while workers wait: they start anew by it")
