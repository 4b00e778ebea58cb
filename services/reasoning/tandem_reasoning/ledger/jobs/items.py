"""What a worker may say of an item that it has: not yet, not me, done, or it went wrong. Who has it no longer changes nothing."""

from dataclasses import dataclass

from tandem_reasoning.ledger.draft import Draft, written
from tandem_reasoning.ledger.values import Completed, Failed, Memory, Outcome, Retried, Stale, State
from tandem_reasoning.values import Hold

_HELD = (State.LEASED, State.READY)
"""States in which the last holder still has an item: leased, or its lease ran out and nobody came."""

_INSERT = """
    INSERT INTO outcome (position, lane, at, agreement, policy, choice, propensity, answer, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Keep items for so many more seconds, counted from now."""

    holds: tuple[Hold, ...]
    lease_s: float

    def apply(self, draft: Draft) -> tuple[Stale, ...]:
        """Those that are the asking worker's no longer; it should stop working on them."""
        return tuple(filter(None, (self._extend(draft, hold) for hold in self.holds)))

    def _extend(self, draft: Draft, hold: Hold) -> Stale | None:
        position, state, fence, _ = draft.item(hold.item)
        if fence != hold.fence or state not in _HELD:
            return Stale(item=hold.item, fence=fence)
        draft.run("UPDATE item SET state = 'leased', until = max(until, ?) WHERE position = ?", draft.age + self.lease_s, position)
        if state is State.READY:
            draft.move(State.READY, State.LEASED)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Give an item back without having tried it, when the worker ends or the lane is throttled: the attempt does not count.

    `rest_s` is how long nobody gets it. Calls that are still open are taken to be spent.
    """

    hold: Hold
    rest_s: float = 0.0

    def apply(self, draft: Draft) -> Stale | None:
        """None when it is given back."""
        position, state, fence, attempts = draft.item(self.hold.item)
        if fence != self.hold.fence or state not in _HELD:
            return Stale(item=self.hold.item, fence=fence)
        _end(draft, position, state, State.READY, attempts=attempts - 1, until=draft.age + self.rest_s)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Say that an attempt went wrong; the item is tried again, `rest_s` later at the earliest, unless that was its last one.

    One that was `too_dear` is tried again, too, once more may be spent.
    """

    hold: Hold
    reason: str
    rest_s: float = 0.0
    too_dear: bool = False

    def apply(self, draft: Draft) -> Retried | Failed | Stale:
        """What becomes of the item."""
        position, state, fence, attempts = draft.item(self.hold.item)
        if fence != self.hold.fence or state not in _HELD:
            return Stale(item=self.hold.item, fence=fence)
        last, reason = attempts >= draft.max_attempts, written(self.reason)
        after, until = (State.FAILED, 0.0) if last else (State.READY, draft.age + self.rest_s)
        _end(draft, position, state, after, attempts=attempts, until=until, reason=reason)
        if last and self.too_dear:
            draft.run("UPDATE item SET too_dear = 1 WHERE position = ?", position)
        return Failed(reason=reason) if last else Retried(attempts=attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """Give an item its outcome. Calls that are still open, such as a hedge that came second, are taken to be spent."""

    hold: Hold
    outcome: Outcome
    memories: tuple[Memory, ...] = ()

    def apply(self, draft: Draft) -> Completed | Stale:
        """Whether the outcome counts; said again after a lost answer, it still does."""
        position, state, fence, _ = draft.item(self.hold.item)
        if fence != self.hold.fence or state is State.FAILED:
            return Stale(item=self.hold.item, fence=fence)
        if state is State.DONE:
            return Completed(repeated=True)
        outcome, chosen = self.outcome, self.outcome.decision
        decision = (chosen.policy, chosen.choice, chosen.propensity) if chosen else (None, None, None)
        texts = written(outcome.answer), written(outcome.detail)
        draft.run(_INSERT, position, outcome.lane, draft.now, outcome.agreement, *decision, *texts)
        draft.run("UPDATE item SET state = 'done' WHERE position = ?", position)
        draft.give_up_calls(position)
        draft.move(state, State.DONE, lane=outcome.lane)
        draft.post(self.memories)
        return Completed()


def _end(draft: Draft, position: int, before: State, after: State, *, attempts: int, until: float, reason: str = "") -> None:
    """End a lease before its time; the fence goes up, so that who had the item is stale from now on."""
    draft.give_up_calls(position)
    draft.run(
        "UPDATE item SET state = ?, fence = fence + 1, attempts = ?, until = ?, reason = ? WHERE position = ?",
        *(after, attempts, until, reason, position),
    )
    draft.move(before, after)
