"""What is: the workers and their exit codes, and the newest report.

This machine has no price of its own: each worker costs `spec.budget.usdPerWorkerHour`. Nor is it ever given notice.
"""

from datetime import datetime

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import HERE, Report, Seen, SeenNode, SeenWorker

from . import reports
from .machine import Machine
from .process.folder import WorkerFolder

_ON_PURPOSE = (0, 93, 143)  # these agents said all that they had to say, their last checkpoint too


def observe(run: TrainingRun, machine: Machine, now: datetime) -> Seen:
    """All that the planner may rest on, at this moment."""
    workers = machine.workers.look(now)
    if any(worker.live for worker in workers):
        machine.hearing.attend()
    return Seen(workers=workers, nodes=(SeenNode(name=HERE),), report=_report(run, machine, workers))


def _report(run: TrainingRun, machine: Machine, workers: tuple[SeenWorker, ...]) -> Report | None:
    """The newest word of the attempt; its last, if it has ended and was not heard out yet."""
    attempt = run.status.attempt
    ours = [worker for worker in workers if worker.attempt == attempt]
    if not ours:
        return None
    recorded = reports.recorded(WorkerFolder(machine.folder.workers / f"{run.name}-{attempt}-0").steps)
    if recorded and all(worker.exit_code in _ON_PURPOSE for worker in ours) and not run.status.phase.terminal:
        machine.hearing.hear_out(attempt)
    return reports.newest(attempt, machine.hearing.newest(), recorded)
