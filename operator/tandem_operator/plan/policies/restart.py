"""May a fallen attempt be followed by another, and how soon?

Exit codes are a contract: 0 done; 143 (128 + SIGTERM) is a preemption and free, as is whatever `notice` calls one; 93 means
"never again" (the convention of NVIDIA's resiliency extension: bad configuration, safety stop); anything else is a failure, 75
(EX_TEMPFAIL of sysexits.h) one of something that the worker needs, such as the store. Failures are counted apart from preemptions,
wait longer each time, and end the run when they go on at the same step, which that of somebody else says nothing about.
Whoever gives up while others of its attempt find no machine has not failed at all.

An attempt that we stop ourselves (suspend, budget, deadline) is not judged: whatever its workers exit with on the way out,
nothing is counted. Only 93 is heard even then, and what else was said stands in the message of the status.
"""

from datetime import datetime, timedelta
from typing import Any

from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.api.upkeep import BackoffSpec, RestartSpec
from tandem_operator.plan.endings import Ending
from tandem_operator.plan.phases import Reason
from tandem_operator.plan.values import Seen, SeenWorker

from . import progress, wanted

PREEMPTED = 143
DO_NOT_RESTART = 93
UNAVAILABLE = 75
_LONGEST_MESSAGE = 1000  # characters; a status must stay readable


def forbidden(run: TrainingRun, seen: Seen) -> Ending | None:
    """The word of a worker that another attempt would be of no use."""
    for worker in seen.of(run.status.attempt):
        if worker.exit_code == DO_NOT_RESTART:
            return Ending(reason=Reason.DO_NOT_RESTART, message=said(worker), final=True)
    return None


def fallen(run: TrainingRun, seen: Seen, now: datetime) -> Ending | None:
    """How the current attempt fell, by the word of the first that did: the others fall because it is gone. None while it stands."""
    ours = seen.of(run.status.attempt)
    if run.status.phase is RunPhase.RUNNING and (gone := wanted.down(run, seen)):
        others = f" and {len(gone) - 1} more" if gone[1:] else ""
        return Ending(reason=Reason.LOST, message=f"gone without a word: worker {gone[0]}{others}")
    down = [worker for worker in ours if worker.exit_code]
    if not down:
        return None
    first = min(down, key=lambda worker: (worker.until or now, _preempted(worker)))
    return Ending(reason=_why(first, first.until or now, run, seen), message=said(first))


def _why(first: SeenWorker, until: datetime, run: TrainingRun, seen: Seen) -> Reason:
    """Why an attempt fell whose `first` worker ended at `until`; whoever has a machine only since then may well have got that one."""
    if _preempted(first):
        return Reason.PREEMPTED
    if run.status.phase is RunPhase.PENDING:
        late = any(not worker.placed or worker.since >= until for worker in seen.of(run.status.attempt) if worker.live)
        if late or wanted.absent(run, seen):
            return Reason.PEERS_MISSING
    return Reason.UNAVAILABLE if first.exit_code == UNAVAILABLE else Reason.WORKER_FAILED


def fell(run: TrainingRun, seen: Seen, now: datetime) -> RunStatus:
    """The status at the first sight of a fall.

    A run that falls again before it got up waits, longer each time, even if that is nobody's fault: else attempts could come in a storm.
    """
    again = max(1, run.status.falls) if run.status.fell_at else 0
    start_after = now + wait(run.spec.restart.backoff, again) if again else None
    fell_at = progress.down_since(run.status, seen, now)
    return run.status.model_copy(update={"fell_at": fell_at, "falls": again + 1, "start_after": start_after})


def counted(run: TrainingRun, ending: Ending, now: datetime) -> tuple[RunStatus, Ending]:
    """The status with the ending counted, and the ending as it looks then: a failure too many is final."""
    if ending.reason in {Reason.WORKER_FAILED, Reason.UNAVAILABLE}:
        status = _one_failure_more(run, ending, now)
        return status, _verdict(status, run.spec.restart, ending)
    if ending.reason.disruption:
        return run.status.model_copy(update={"preemptions": run.status.preemptions + 1}), ending
    return run.status, ending


def _one_failure_more(run: TrainingRun, ending: Ending, now: datetime) -> RunStatus:
    before, failures = run.status, run.status.failures + 1
    counted: dict[str, Any] = {"failures": failures, "start_after": now + wait(run.spec.restart.backoff, failures)}
    if ending.reason is Reason.WORKER_FAILED:
        counted["no_progress"] = before.no_progress + 1 if before.failed_at_step == before.step else 1
        counted["failed_at_step"] = before.step
    return before.model_copy(update=counted)


def _verdict(status: RunStatus, restart: RestartSpec, ending: Ending) -> Ending:
    last = f"the last: {ending.message}"
    if status.no_progress >= restart.max_no_progress:
        said = f"{status.no_progress} failures in a row at step {status.step}; {last}"
        return Ending(reason=Reason.NO_PROGRESS, message=said, final=True)
    if status.failures > restart.max_failures:
        said = f"{status.failures} failures where {restart.max_failures} are forgiven; {last}"
        return Ending(reason=Reason.TOO_MANY_FAILURES, message=said, final=True)
    return ending


def wait(backoff: BackoffSpec, failures: int) -> timedelta:
    """The wait before the attempt that follows the given number of failures; it doubles with each one."""
    length = backoff.first
    for _ in range(failures - 1):
        if length >= backoff.longest:
            break
        length *= 2
    return min(length, backoff.longest)


def said(worker: SeenWorker) -> str:
    """How a worker ended, in one line."""
    message = " ".join(worker.message.split())[:_LONGEST_MESSAGE]
    return f"worker {worker.name} exited with {worker.exit_code}" + (f": {message}" if message else "")


def failures_said(run: TrainingRun, seen: Seen) -> str:
    """What the failed workers of the current attempt said; empty when none failed."""
    return "; ".join(said(worker) for worker in seen.of(run.status.attempt) if worker.exit_code and not _preempted(worker))


def _preempted(worker: SeenWorker) -> bool:
    return worker.exit_code == PREEMPTED
