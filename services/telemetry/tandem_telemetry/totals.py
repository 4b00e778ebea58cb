"""What adds up over the attempts of a run: counters that never go down, whatever an attempt begins again from.

Inside an attempt reports carry sums already, so the highest counts, whichever worker said it and in whichever order; when a
later attempt speaks, what the one before reached is added to the past for good.
"""

from dataclasses import dataclass, replace

from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

from tandem_telemetry.newest import nanoseconds

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """The most that any report of one attempt said."""

    step: int | None = None
    resumed_from_step: int | None = None
    spikes: int = 0
    refused_updates: int = 0
    checkpoint_failures: int = 0
    stepped_at_ns: int | None = None
    first_step_at_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What the attempts before this one left: sums, and when training stood."""

    steps_done: int = 0
    spikes: int = 0
    refused_updates: int = 0
    checkpoint_failures: int = 0
    stood_at_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over all attempts of a run, as far as they reported."""

    past: _Past = _Past()
    attempt: _Attempt = _Attempt()
    tokens: int = 0
    """Tokens of the furthest attempt; those trained on again after a resume count once."""

    @property
    def steps_done(self) -> int:
        """Optimizer steps carried out, done-again ones included."""
        here = self.attempt
        if here.step is None or here.resumed_from_step is None:
            return self.past.steps_done
        return self.past.steps_done + max(0, here.step - here.resumed_from_step)

    @property
    def spikes(self) -> int:
        """Loss spikes."""
        return self.past.spikes + self.attempt.spikes

    @property
    def refused_updates(self) -> int:
        """Updates of weights that were left out, since their errors were no numbers."""
        return self.past.refused_updates + self.attempt.refused_updates

    @property
    def checkpoint_failures(self) -> int:
        """Checkpoints that could not be saved."""
        return self.past.checkpoint_failures + self.attempt.checkpoint_failures

    @property
    def resume_seconds(self) -> float | None:
        """From the last step of the attempts before to the first of this one; None until both are known."""
        before, first = self.past.stood_at_ns, self.attempt.first_step_at_ns
        return None if before is None or first is None else max(0, first - before) / _SECOND_NS


def counted(totals: Totals, report: WorkerReport) -> Totals:
    """`totals` with one more report of the current attempt."""
    here = totals.attempt
    attempt = _Attempt(
        step=_highest(here.step, report.step if report.HasField("step") else None),
        resumed_from_step=_highest(here.resumed_from_step, report.resumed_from_step if report.HasField("resumed_from_step") else None),
        spikes=max(here.spikes, report.spikes),
        refused_updates=max(here.refused_updates, report.refused_updates),
        checkpoint_failures=max(here.checkpoint_failures, report.checkpoint_failures),
        stepped_at_ns=_highest(here.stepped_at_ns, nanoseconds(report.at) if report.HasField("step") else None),
        first_step_at_ns=_highest(here.first_step_at_ns, nanoseconds(report.first_step_at) if report.HasField("first_step_at") else None),
    )
    return replace(totals, attempt=attempt, tokens=max(totals.tokens, report.tokens))


def next_attempt(totals: Totals) -> Totals:
    """`totals` when a later attempt begins to speak."""
    here, past = totals.attempt, totals.past
    after = _Past(
        steps_done=totals.steps_done,
        spikes=totals.spikes,
        refused_updates=totals.refused_updates,
        checkpoint_failures=totals.checkpoint_failures,
        stood_at_ns=past.stood_at_ns if here.stepped_at_ns is None else here.stepped_at_ns,
    )
    return Totals(past=after, tokens=totals.tokens)


def _highest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)
