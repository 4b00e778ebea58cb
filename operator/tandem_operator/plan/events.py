"""What is worth telling between one status and the next: changes, each once.

A pure difference of two statuses, so a look at a settled run is silent, however often it is repeated.
"""

from collections.abc import Iterator

from tandem_operator.api.dollars import dollars
from tandem_operator.api.dual_status import DualRunStatus
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun

from .conditions import BUDGET_OK, SCHEDULED, known, reason_of
from .phases import UNDER_WAY, Reason
from .policies import budget, placing, scheduling
from .values import Event, Tier

_HELD_UP = (*placing.TOLD, scheduling.OLD_ATTEMPT, scheduling.UNQUEUED)
_MENDED_BY_A_PERSON = (Tier.MISCONFIGURED, scheduling.UNQUEUED)
_EXPECTED = (Reason.SUSPEND_REQUESTED, Reason.WITHDRAWN, Reason.RESIZED, Reason.FELL_BACK, Reason.EDITED)


def told(before: RunStatus, run: TrainingRun) -> tuple[Event, ...]:
    """The events of the change from `before` to the status of `run`."""
    after = run.status
    return (
        *_warned(before, run),
        *_spiked(before, after),
        *_broke(before, run),
        *_refused(before, after),
        *_missed(before, after),
        *_recovered(before, after),
        *_fell(before, after),
        *_began(before, after),
        *too_late(before, after),
        *held_up(before, after),
        *_arrived(before, after),
    )


def too_late(before: RunStatus | DualRunStatus, after: RunStatus | DualRunStatus) -> Iterator[Event]:
    """An edit of a run that has ended: whoever made it waits for something, and nothing comes of it."""
    if before.phase.terminal and after.phase.terminal and 0 < before.observed_generation < after.observed_generation:
        instead = "apply it under another name, or delete this run first"
        yield Event.warning("ChangeIgnored", f"the run has ended, and nothing is started for a change of it: {instead}")


def _warned(before: RunStatus, run: TrainingRun) -> Iterator[Event]:
    found = known(run.status, BUDGET_OK)
    if found is None or found.reason == reason_of(before, BUDGET_OK):
        return
    match found.reason:
        case budget.Standing.NEARLY:
            yield Event.warning("BudgetNearlyExhausted", f"{budget.said(run)}; at the limit the run checkpoints and stops")
        case budget.Standing.NO_PRICE:
            yield Event.warning(found.reason, found.message)
        case _:
            return


def _spiked(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    if after.spikes > before.spikes:
        yield Event.warning("LossSpike", f"near step {after.step}; {after.spikes} in this attempt")


def _broke(before: RunStatus, run: TrainingRun) -> Iterator[Event]:
    after, experts = run.status, run.spec.trainer.experts
    broken = after.broken_experts or 0
    if broken > (before.broken_experts or 0):
        renewed = "; they are made anew" if experts and experts.mixture.renew_every else ", or have them made anew (mixture.renewEvery)"
        fix = f"lower trainer.experts.mixture.rate or the phase's learningRate{renewed}"
        yield Event.warning("ExpertsBroken", f"near step {after.step}: {broken} answer no numbers, and no token is sent to them: {fix}")


def _refused(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    """Told of the first, and each time there are ten times as many: where every step leaves some out, nothing else would be told."""
    refused = after.refused_updates
    if refused and len(str(refused)) > len(str(before.refused_updates or "")):
        left_out = f"updates of weights that were left out in this attempt, since their errors are no numbers: {refused}"
        fix = "lower the phase's learningRate, or trainer.experts.mixture.rate"
        yield Event.warning("UpdatesRefused", f"near step {after.step}, {left_out}; {fix}")


def _missed(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    """A checkpoint that somebody deleted, or that cannot be read: known once the attempt after a fall or a rest goes on from before it."""
    kept = before.checkpoint
    if kept is None or before.fell_at_step is None or after.fell_at_step is not None:
        return
    step = before.fell_at_step - (after.lost_steps - before.lost_steps)
    if step < kept.step:
        message = (
            f"attempt {after.attempt} goes on from step {step}: the checkpoint of step {kept.step} is not there any more, or cannot be read"
        )
        yield Event.warning("CheckpointMissed", f"{message} ({kept.uri})")


def _recovered(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    took_s = after.time_to_resume_seconds
    if before.fell_at and not after.fell_at and took_s is not None and after.phase is not RunPhase.SUSPENDED:
        yield Event.normal("Recovered", f"training again {took_s:.1f} s after the fall; {after.lost_steps} steps lost so far")


def _fell(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    """Why an attempt ends: told when its workers are asked to leave, or when all are gone at once."""
    stopped = after.phase is RunPhase.STOPPING and (before.phase, before.reason) != (after.phase, after.reason)
    gone = after.attempt > before.attempt > 0 and before.phase in UNDER_WAY
    if stopped or gone:
        tell = Event.normal if after.reason in _EXPECTED else Event.warning
        yield tell(after.reason, after.message)


def _began(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    if after.attempt > before.attempt:
        reason = after.reason if after.reason in {Reason.ACCEPTED, Reason.RESUMED} else "Restarting"
        yield Event.normal(reason, f"attempt {after.attempt}, workers {after.workers}")


def held_up(before: RunStatus | DualRunStatus, after: RunStatus | DualRunStatus) -> Iterator[Event]:
    """What workers or parts wait for, or should, when that changes; not a start that takes its time, nor a wait of our own."""
    found = known(after, SCHEDULED)
    if found and found.reason in _HELD_UP and found.reason != reason_of(before, SCHEDULED):
        tell = Event.warning if found.reason in _MENDED_BY_A_PERSON else Event.normal
        yield tell(found.reason, found.message)


def _arrived(before: RunStatus, after: RunStatus) -> Iterator[Event]:
    if after.phase is before.phase:
        return
    match after.phase:
        case RunPhase.RUNNING:
            yield Event.normal("Running", f"attempt {after.attempt}, workers {after.workers}")
        case RunPhase.SUSPENDED:
            yield Event.normal("Suspended", f"at step {after.step}: {after.message}")
        case RunPhase.SUCCEEDED:
            yield Event.normal("Succeeded", f"attempts {after.attempt}, {dollars(after.spent_usd)} spent")
        case RunPhase.FAILED:
            yield Event.warning("Failed", f"{after.reason}: {after.message}")
        case RunPhase.PENDING | RunPhase.STOPPING:
            return  # told above, with the attempt and the reason
