"""How far has the run come, and what did its falls cost? Reports become fields of the status; none is ever required.

Lost steps of an early end: the last step that the fallen attempt reported, less the step that the next one went on from.
Time to resume: from the first sign of the fall (the notice, where there was one) to the end of the next optimizer step,
over as many attempts as that takes; the rest of a suspended run is not counted.
"""

import math
from datetime import datetime

from tandem_operator.api.status import CheckpointStatus, RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.phases import UNDER_WAY
from tandem_operator.plan.values import Report, Seen


def taken_in(status: RunStatus, report: Report | None) -> RunStatus:
    """The status with what the newest report says."""
    if report is None or report.attempt > status.attempt:
        return status
    status = status.model_copy(update={"checkpoint": _newest(status, report)})
    if report.attempt < status.attempt:
        return _last_words(status, report)
    return _resumed(_stepped(status, report), report)


def down_since(status: RunStatus, seen: Seen, now: datetime) -> datetime:
    """When the run went down: long ago if it never got up, else when the first worker of the attempt fell, else now."""
    ends = [worker.until for worker in seen.of(status.attempt) if worker.exit_code and worker.until]
    return status.fell_at or min([*ends, now])


def left_behind(status: RunStatus) -> int | None:
    """The step that the next attempt is measured against, once the current one is over."""
    return None if status.attempt == 0 else max(status.step, status.fell_at_step or 0)


def eta_seconds(run: TrainingRun, report: Report | None) -> int | None:
    """Seconds to the end at the present speed; None unless the run runs and its speed is known."""
    if run.status.phase is not RunPhase.RUNNING:
        return None
    if run.spec.trainer.script:
        return _at_the_pace_of(report, run) if report and report.attempt == run.status.attempt else None
    if not run.status.tokens_per_second:
        return None
    tokens, done = 0, run.status.step
    for phase in run.spec.phases:
        tokens += max(0, phase.total_steps - done) * phase.batch_size * phase.context_length
        done = max(0, done - phase.total_steps)
    return math.ceil(tokens / run.status.tokens_per_second)


def _at_the_pace_of(report: Report, run: TrainingRun) -> int | None:
    """Seconds to the end of a script, whose tokens at a step are its own affair: by the time that its steps took."""
    steps = report.step - (report.resumed_from_step or 0) - 1  # since the end of the first
    if report.first_step_at is None or steps < 1:
        return None
    took_s = max(0.0, (report.at - report.first_step_at).total_seconds())
    return math.ceil(max(0, run.spec.total_steps - report.step) * took_s / steps)


def _stepped(status: RunStatus, report: Report) -> RunStatus:
    """Where the attempt is. As long as it neither made a step nor said where it goes on from, nobody knows."""
    if report.step == 0 and report.resumed_from_step is None:
        return status
    step = max(report.step, report.resumed_from_step or 0)
    said = {
        "step": step,
        "training_phase": report.training_phase or status.training_phase,
        "spikes": report.spikes,
        "refused_updates": report.refused_updates,
        "broken_experts": status.broken_experts if report.broken_experts is None else report.broken_experts,
        "loss": _loss(status, report, step),
        "tokens_per_second": _finite(report.tokens_per_second),
    }
    return status.model_copy(update=said)


def _loss(status: RunStatus, report: Report, step: int) -> float | None:
    """That of `step`. An attempt that goes on from a checkpoint tells none before its first step, and the one known is of a later step."""
    if report.loss is not None:
        return _finite(report.loss)
    return status.loss if step == status.step else None


def _resumed(status: RunStatus, report: Report) -> RunStatus:
    """Settle the account of the last fall, as far as the report of the attempt after it tells."""
    if status.fell_at_step is not None and report.resumed_from_step is not None:
        lost = max(0, status.fell_at_step - report.resumed_from_step)
        status = status.model_copy(update={"lost_steps": status.lost_steps + lost, "fell_at_step": None})
    up = status.phase in UNDER_WAY and report.first_step_at
    if up and status.fell_at:
        took_s = max(0.0, (up - status.fell_at).total_seconds())  # by two clocks: a worker's may be behind
        status = status.model_copy(update={"time_to_resume_seconds": took_s, "fell_at": None})
    return status


def _last_words(status: RunStatus, report: Report) -> RunStatus:
    """A report that was still on its way when its attempt was over: it may have come further than we knew."""
    if status.fell_at_step is None:
        return status
    return status.model_copy(update={"fell_at_step": max(status.fell_at_step, report.step)})


def _newest(status: RunStatus, report: Report) -> CheckpointStatus | None:
    """By time, or by step where the attempt under way has come further: two attempts may be on machines whose clocks differ."""
    known, said = status.checkpoint, report.checkpoint
    if said is None or known is None:
        return said or known
    further = report.attempt == status.attempt and said.step > known.step
    return said if said.at >= known.at or further else known


def _finite(value: float | None) -> float | None:
    """A number that JSON can hold; a loss that is not one is no loss to show."""
    return value if value is not None and math.isfinite(value) else None
