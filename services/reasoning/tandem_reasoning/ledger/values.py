"""The words of the ledger: what is handed out, what comes back, and what the books say.

Money is in nano-dollars. Moments are seconds since 1970 by the coordinator's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from tandem_reasoning.values import Call, Hold, Question


class State(StrEnum):
    """Where an item is. Done and failed are for good."""

    READY = "ready"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An item that a worker has for a while.

    Attributes:
        hold: What the worker says with all that it does for the item.
        question: What is to be answered.
        until: When it runs out, unless it is extended.
        attempts: How often the item was handed out, this time included.
    """

    hold: Hold
    question: Question
    until: float
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a lane was chosen, so that another policy can be judged by the same run later.

    Attributes:
        policy: Who chose.
        choice: What was chosen.
        propensity: How likely that choice was, above 0 and at most 1.
    """

    policy: str
    choice: str
    propensity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out for an item.

    Attributes:
        answer: The answer that counts.
        lane: Which lane it comes from.
        agreement: Part of the experts that agree with it, 0 to 1; None when there was only one.
        decision: How the lane was chosen; None when nothing was.
        detail: All else, as JSON.
    """

    answer: str
    lane: str
    agreement: float | None = None
    decision: Decision | None = None
    detail: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A record that the shared memory is to get, once.

    Attributes:
        key: The record's idempotency key.
        record: As it goes over the wire.
    """

    key: str
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What the shared memory had for a step of an item.

    Attributes:
        number: Its own, from 1: the `memory_version` of calls that were made from it.
        step: From 1.
        shown: Whether prompts show it; not so where the item is held out from the memory.
        records: What was found, as JSON.
    """

    number: int
    step: int
    shown: bool
    records: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Somebody else has the item by now, or it is over: nothing was done. The fence is the item's."""

    item: str
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The outcome counts; `repeated` when it did before and nothing was done now."""

    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """The attempt failed, and another one may come; so many were made."""

    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The item has failed for good."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The call was made before; nothing is to be sent or paid."""

    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """The call may be made, and its worst case is set aside. The ticket is what it is settled by."""

    ticket: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OverBudget:
    """The call might cost more than is left."""

    worst_nano: int
    spent_nano: int
    reserved_nano: int
    cap_nano: int

    @property
    def may_pass_later(self) -> bool:
        """Whether it fits once enough of what is set aside is free again: worth waiting for, or the cap is not used up."""
        return self.spent_nano + self.worst_nano <= self.cap_nano


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A call is paid.

    Attributes:
        recorded: Whether it is the record of its key; False when there was one.
        rebilled_nano: What it cost on top of the record that was there.
        excess_nano: What it cost beyond what was set aside; more than 0 means that the worst case was reckoned too low.
        repeated: Whether it was settled before, and nothing was done now.
    """

    recorded: bool
    rebilled_nano: int = 0
    excess_nano: int = 0
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What a lane has cost, and done.

    Attributes:
        spent_nano: All that is paid or must be taken to be; the next three are parts of it.
        unconfirmed_nano: Worst cases of calls that nobody told the end of.
        rebilled_nano: Calls that were paid though their record was there.
        charged_nano: Cost that is not of calls for questions, such as hours and probes.
        reserved_nano: Set aside for calls that are being made; no part of the spend.
        calls: Recorded.
        unconfirmed_calls: That nobody told the end of.
        rebilled_calls: That were paid though their record was there.
        input_tokens: Read, as the lane counts them, of all paid calls.
        output_tokens: Written, likewise.
    """

    spent_nano: int = 0
    unconfirmed_nano: int = 0
    rebilled_nano: int = 0
    charged_nano: int = 0
    reserved_nano: int = 0
    calls: int = 0
    unconfirmed_calls: int = 0
    rebilled_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def call_nano(self) -> int:
        """What a recorded call has cost so far, on average: what an answer costs is not known better before it is there."""
        return (self.spent_nano - self.charged_nano) // self.calls if self.calls else 0

    def __add__(self, more: "Books") -> "Books":
        return Books(**{name: getattr(self, name) + getattr(more, name) for name in _FIGURES})

    def __sub__(self, less: "Books") -> "Books":
        return Books(**{name: getattr(self, name) - getattr(less, name) for name in _FIGURES})


_FIGURES = tuple(Books.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What all tables add up to.

    Attributes:
        cap_nano: Most that may be spent; None is no limit.
        total: Over all lanes.
        lanes: By lane.
        items: How many, by state and, when done, the lane of the answer ("" otherwise).
    """

    cap_nano: int | None = None
    total: Books = Books()
    lanes: Mapping[str, Books] = field(default_factory=lambda: MappingProxyType({}))
    items: Mapping[tuple[State, str], int] = field(default_factory=lambda: MappingProxyType({}))

    def left_nano(self, budget_nano: int) -> int:
        """What is neither spent nor reserved of a budget."""
        return budget_nano - self.total.spent_nano - self.total.reserved_nano

    def count(self, state: State) -> int:
        """Items in a state."""
        return sum(number for (each, _), number in self.items.items() if each == state)
