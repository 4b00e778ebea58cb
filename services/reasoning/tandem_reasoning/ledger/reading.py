"""Looks into a ledger that never hold its writer up: every look is short, over a connection of its own that can only read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tandem_reasoning.ledger.opening import in_our_words, opened_to_read
from tandem_reasoning.ledger.rows import CALL, RECOLLECTION, RECORDED, call_of, outcome_of, question_of, recollection_of
from tandem_reasoning.ledger.values import Memory, Outcome, Recollection, State
from tandem_reasoning.values import Call, Question

_ITEMS = """
    SELECT position, state, attempts, worker, reason, question.id, question.text, question.answer, question.kind,
           outcome.answer, lane, agreement, policy, choice, propensity, detail
    FROM question JOIN item USING (position) LEFT JOIN outcome USING (position)
"""
_ITEMS_AFTER = _ITEMS + " WHERE position > ? ORDER BY position LIMIT ?"
_ITEMS_IN = _ITEMS + " WHERE position > ? AND state = ? ORDER BY position LIMIT ?"
_ITEM = _ITEMS + " WHERE question.id = ?"
_CALLS_AFTER = CALL + " WHERE number > ? ORDER BY number LIMIT ?"
_CALLS_OF = CALL + " WHERE question.id = ? ORDER BY number"
_RECOLLECTIONS = RECOLLECTION + " JOIN question USING (position) WHERE id = ? ORDER BY step"
_EVENTS = "SELECT number, at, key, kind, message FROM event WHERE number > ? ORDER BY number LIMIT ?"
_UNSENT = "SELECT count(*) FROM outbox WHERE record IS NOT NULL"
_WAITING = "SELECT number, key, record FROM outbox WHERE record IS NOT NULL ORDER BY number LIMIT ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item as it is now.

    Attributes:
        position: From 1, as loaded; what the next page is asked for by.
        question: What is asked.
        state: Where it is.
        attempts: How often it was handed out.
        worker: Who has it, or had it last.
        reason: Why the last attempt went wrong.
        outcome: What came out, once done.
    """

    position: int
    question: Question
    state: State
    attempts: int
    worker: str
    reason: str
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; `number` is what the next page is asked for by, `at` seconds since 1970."""

    number: int
    at: float
    key: str
    kind: str
    message: str


class Reader:
    """One look at a time; whoever looks from several threads opens several."""

    def __init__(self, path: Path) -> None:
        """Open a ledger to look into.

        Raises:
            DamagedError, FormatError, FullError: when that cannot be done.
        """
        self._path = path
        self._connection = opened_to_read(path)

    def items(self, after: int = 0, most: int = 100, *, state: State | None = None) -> tuple[Item, ...]:
        """The items behind a position, in the order that they were loaded; of one state, if that is asked."""
        rows = self._all(_ITEMS_AFTER, after, most) if state is None else self._all(_ITEMS_IN, after, state, most)
        return tuple(map(_item, rows))

    def item(self, name: str) -> Item | None:
        """An item by its id."""
        return next((_item(row) for row in self._all(_ITEM, name)), None)

    def calls(self, after: int = 0, most: int = 100) -> tuple[tuple[int, Call], ...]:
        """Calls behind a number, each with its own, in the order that they were recorded."""
        return tuple((row[-1], call_of(row)) for row in self._all(_CALLS_AFTER, after, most))

    def calls_of(self, item: str) -> tuple[Call, ...]:
        """All calls of an item."""
        return tuple(map(call_of, self._all(_CALLS_OF, item)))

    def recorded(self, key: str) -> Call | None:
        """The call of a key, if it was made."""
        return next((call_of(row) for row in self._all(RECORDED, key)), None)

    def recollections(self, item: str) -> tuple[Recollection, ...]:
        """What the shared memory had for each step of an item that asked it, the first step first."""
        return tuple(map(recollection_of, self._all(_RECOLLECTIONS, item)))

    def events(self, after: int = 0, most: int = 100) -> tuple[Event, ...]:
        """Events behind a number."""
        return tuple(
            Event(number=number, at=at, key=key, kind=kind, message=message)
            for number, at, key, kind, message in self._all(_EVENTS, after, most)
        )

    def probes(self) -> Mapping[tuple[str, str], str]:
        """What was found out about servers, by lane and url, as it was kept."""
        return {(lane, url): findings for lane, url, findings in self._all("SELECT lane, url, findings FROM probe")}

    def waiting(self, most: int) -> tuple[tuple[int, Memory], ...]:
        """What the shared memory has not got yet, oldest first, each with its number in the outbox."""
        return tuple((number, Memory(key=key, record=record)) for number, key, record in self._all(_WAITING, most))

    def unsent(self) -> int:
        """How much the shared memory has not got yet."""
        return self._all(_UNSENT)[0][0]

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _all(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with in_our_words(self._path):
            return self._connection.execute(statement, values).fetchall()


def _item(row: tuple[Any, ...]) -> Item:
    position, state, attempts, worker, reason = row[:5]
    return Item(
        position=position,
        question=question_of(row[5:9]),
        state=State(state),
        attempts=attempts,
        worker=worker,
        reason=reason,
        outcome=outcome_of(row[9:]) if state == State.DONE else None,
    )
