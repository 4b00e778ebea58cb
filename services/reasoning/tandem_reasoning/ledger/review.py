"""One pass over a whole ledger, as it was at one moment: for reports, which add up what never fits into memory at once.

All is read in one transaction of a connection that can only read: a coordinator goes on writing meanwhile, and no figure of a report
disagrees with another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tandem_reasoning.ledger.errors import DamagedError
from tandem_reasoning.ledger.opening import in_our_words, opened_to_read
from tandem_reasoning.ledger.rows import call_of, outcome_of, question_of
from tandem_reasoning.ledger.sums import added_up
from tandem_reasoning.ledger.values import Outcome, State, Sums
from tandem_reasoning.values import Call, Question

_QUESTIONS = """
    SELECT position, state, attempts, reason, at, question.id, question.text, question.answer, question.kind,
           outcome.answer, lane, agreement, policy, choice, propensity, detail
    FROM question JOIN item USING (position) LEFT JOIN outcome USING (position) ORDER BY position
"""
_CALLS = """
    SELECT key, id, step, expert, sample, lane, input_tokens, output_tokens, cost_nano, seconds, memory_version, call.answer, number,
           call.position
    FROM call JOIN question USING (position) ORDER BY call.position, number
"""
_BEGUN = """
    SELECT lane, count(*), sum(copy > 0), sum(copy = 0) - count(DISTINCT CASE WHEN copy = 0 THEN key END), sum(state = 'discarded')
    FROM bill GROUP BY lane ORDER BY lane
"""
_CHARGES = "SELECT at, lane, nano FROM charge ORDER BY at"
_CHOICES = "SELECT DISTINCT choice FROM outcome WHERE choice IS NOT NULL"
_EVENTS = "SELECT kind, count(*), min(at), max(at) FROM event GROUP BY kind ORDER BY min(at)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A question, and all calls that were made for it.

    Attributes:
        question: What is asked.
        state: Where it is.
        attempts: How often it was handed out.
        reason: Why the last attempt went wrong; empty when none did.
        at: When it was answered, seconds since 1970; None until then.
        outcome: What came out, once done.
        calls: Those that are recorded, in the order that they were.
    """

    question: Question
    state: State
    attempts: int
    reason: str
    at: float | None
    outcome: Outcome | None
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Calls that were begun on a lane, however they ended.

    Attributes:
        lane: Which.
        calls: All of them.
        hedges: Made beside another one that took long.
        again: Made again after one that failed.
        freed: That cost nothing: not sent, or refused before anything was done.
    """

    lane: str
    calls: int
    hedges: int
    again: int
    freed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Events of one kind: how many, and when the first and the last were, seconds since 1970."""

    kind: str
    count: int
    first_at: float
    last_at: float


class Review:
    """A ledger as it was when this was made."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            DamagedError, FormatError, FullError: when that cannot be done.
        """
        if not path.is_file():
            msg = f"{path}: there is no such file"
            raise DamagedError(msg)
        self._path, self._connection = path, opened_to_read(path)
        with in_our_words(path):
            self._connection.execute("BEGIN")
            self.sums: Sums = added_up(self._connection)
            ((self.run_uid, self.age_s),) = self._rows("SELECT uid, age FROM run")

    def questions(self) -> Iterator[Reviewed]:
        """All of them, in the order that they were loaded; as many are in memory as are looked at."""
        calls = groupby(self._rows(_CALLS), key=lambda row: row[-1])
        position, made = next(calls, (0, iter(())))
        for row in self._rows(_QUESTIONS):
            mine: tuple[Call, ...] = ()
            if position == row[0]:
                mine = tuple(call_of(call[:-1]) for call in made)
                position, made = next(calls, (0, iter(())))
            yield _reviewed(row, mine)

    def begun(self) -> tuple[Begun, ...]:
        """What was begun on each lane."""
        return tuple(
            Begun(lane=lane, calls=calls, hedges=hedges, again=again, freed=freed)
            for lane, calls, hedges, again, freed in self._rows(_BEGUN)
        )

    def charges(self) -> tuple[tuple[float, str, int], ...]:
        """What lanes cost beside their calls: when, which lane, nano-dollars."""
        return tuple((at, lane, nano) for at, lane, nano in self._rows(_CHARGES))

    def choices(self) -> tuple[str, ...]:
        """All different ways in which lanes were chosen."""
        return tuple(choice for (choice,) in self._rows(_CHOICES))

    def events(self) -> tuple[Happened, ...]:
        """What happened, by kind."""
        return tuple(Happened(kind=kind, count=count, first_at=first, last_at=last) for kind, count, first, last in self._rows(_EVENTS))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        with in_our_words(self._path):
            yield from self._connection.execute(statement)


def _reviewed(row: tuple[Any, ...], calls: tuple[Call, ...]) -> Reviewed:
    _, state, attempts, reason, at = row[:5]
    return Reviewed(
        question=question_of(row[5:9]),
        state=State(state),
        attempts=attempts,
        reason=reason,
        at=at,
        outcome=outcome_of(row[9:]) if state == State.DONE else None,
        calls=calls,
    )
