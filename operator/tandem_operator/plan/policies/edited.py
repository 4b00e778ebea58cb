"""Was the spec edited while workers wait? Then they wait by what it said before, and what was mended would not reach them.

Pods cannot be changed once they are made: an image with a typo, too much memory, a Secret of another name stay as they were. So an
attempt that is not up yet starts anew by the edited spec; one that trains keeps what it was told, and the next one learns of it.
"""

from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen


def meanwhile(run: TrainingRun, seen: Seen) -> Ending | None:
    """The end of an attempt whose workers wait by a spec of yesterday; None while they do not, or nobody has edited it."""
    if run.status.phase is not RunPhase.PENDING or run.status.observed_generation in {0, run.metadata.generation}:
        return None
    if not any(worker.live and worker.waiting for worker in seen.of(run.status.attempt)):
        return None
    return Ending(reason=Reason.EDITED, message="the spec was edited while workers wait: they start anew by it")
