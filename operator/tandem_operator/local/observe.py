"""What is: the workers and their exit codes, and the newest report.

This machine has no price of its own: each worker costs `spec.budget.usdPerWorkerHour`. Nor is it ever given notice.
"""

import time
from datetime import datetime

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import HERE, Report, Seen, SeenNode, SeenWorker

from . import reports
from .machine import Machine
from .process.folder import WorkerFolder

_LAST_WORD_S = 1.0
_SAVED = (0, 143)  # these agents left after a last checkpoint


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
    told = machine.hearing.newest()
    if recorded and all(worker.exit_code in _SAVED for worker in ours) and not run.status.phase.terminal:
        told = _last_word(machine, attempt, recorded.last.step) or told
    return reports.newest(attempt, told, recorded)


def _last_word(machine: Machine, attempt: int, step: int) -> Report | None:
    """Wait a moment for the report of the last checkpoint, which an agent sends on its way out."""
    deadline = time.monotonic() + _LAST_WORD_S
    while time.monotonic() < deadline:
        told = machine.hearing.newest()
        if told and told.attempt == attempt and told.checkpoint and told.checkpoint.step >= step:
            return told
        time.sleep(0.02)
    return None
