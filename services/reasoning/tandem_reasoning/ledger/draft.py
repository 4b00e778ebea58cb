"""The ledger as it will be once the group of jobs that is being done is durable: either all of it comes to be, or nothing.

A job that is refused says so before it has written anything.
"""

import sqlite3
from typing import Any, Protocol, TypeVar

from tandem_reasoning.ledger.bill import Bill, Stage
from tandem_reasoning.ledger.errors import UnknownItemError
from tandem_reasoning.ledger.values import Books, Memory, OverBudget, State, Sums

Row = tuple[Any, ...]
_Done_co = TypeVar("_Done_co", covariant=True)

_NOTHING = Books()
_GIVE_UP = "UPDATE bill SET state = 'unconfirmed' WHERE state = 'open' AND position = ? RETURNING lane, worst_nano"


class Job(Protocol[_Done_co]):
    """Something to be done within a group."""

    def apply(self, draft: "Draft") -> _Done_co:
        """Do it, or refuse it before anything is written."""
        ...


class Draft:
    """One transaction, and what the sums are within it."""

    def __init__(self, connection: sqlite3.Connection, sums: Sums, *, age: float, now: float, max_attempts: int) -> None:
        """Begin.

        Args:
            connection: With its transaction open.
            sums: Before it.
            age: Seconds that the ledger has been open in all; leases run by it.
            now: The clock, for people.
            max_attempts: How often an item is tried.
        """
        self.age, self.now, self.max_attempts = age, now, max_attempts
        self.cap_nano, self.total = sums.cap_nano, sums.total
        self._lanes, self._items = dict(sums.lanes), dict(sums.items)
        self._connection = connection

    def sums(self) -> Sums:
        """As they are once all is durable."""
        items = {place: number for place, number in self._items.items() if number}
        return Sums(cap_nano=self.cap_nano, total=self.total, lanes=self._lanes, items=items)

    def one(self, statement: str, *values: object) -> Row | None:
        """The first row."""
        return self._connection.execute(statement, values).fetchone()

    def all(self, statement: str, *values: object) -> list[Row]:
        """All rows."""
        return self._connection.execute(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """How many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def insert(self, statement: str, *values: object) -> int:
        """The number that the new row got."""
        number = self._connection.execute(statement, values).lastrowid
        assert number is not None
        return number

    def item(self, name: str) -> tuple[int, State, int, int]:
        """Position, state, fence and attempts of an item.

        Raises:
            UnknownItemError: when there is none.
        """
        row = self.one("SELECT position, state, fence, attempts FROM question JOIN item USING (position) WHERE id = ?", name)
        if row is None:
            msg = f"there is no item {name!r} in this run"
            raise UnknownItemError(msg)
        position, state, fence, attempts = row
        return position, State(state), fence, attempts

    def move(self, before: State | None, after: State, *, lane: str = "", number: int = 1) -> None:
        """Count items that went from one state, or from nowhere, to another; `lane` is the one whose answer they have."""
        if before is not None:
            self._items[before, ""] -= number
        self._items[after, lane] = self._items.get((after, lane), 0) + number

    def book(self, lane: str, more: Books) -> None:
        """Add to the books of a lane."""
        self._lanes[lane] = self._lanes.get(lane, _NOTHING) + more
        self.total += more

    def over_budget(self, worst_nano: int) -> OverBudget | None:
        """Why something that may cost so much is not begun; what costs nothing always is, however much was spent."""
        spent_nano, reserved_nano, cap_nano = self.total.spent_nano, self.total.reserved_nano, self.cap_nano
        if worst_nano == 0 or cap_nano is None or spent_nano + reserved_nano + worst_nano <= cap_nano:
            return None
        return OverBudget(worst_nano=worst_nano, spent_nano=spent_nano, reserved_nano=reserved_nano, cap_nano=cap_nano)

    def rebook(self, before: Bill, after: Bill) -> None:
        """Count a bill that came to another stage."""
        self.book(before.lane, after.books - before.books)

    def give_up_calls(self, position: int) -> None:
        """Take the worst case of all open calls of an item to be spent: who made them is not known to tell any more."""
        for lane, worst_nano in self.all(_GIVE_UP, position):
            before = Bill(lane=lane, state=Stage.OPEN, worst_nano=worst_nano)
            self.rebook(before, Bill(lane=lane, state=Stage.UNCONFIRMED, worst_nano=worst_nano))

    def post(self, memories: tuple[Memory, ...]) -> None:
        """Put records into the outbox that were not in it before."""
        for each in memories:
            self.run("INSERT INTO outbox (key, record) VALUES (?, ?) ON CONFLICT DO NOTHING", each.key, each.record)


def written(text: str) -> str:
    """Text of a model as it can be kept: halves of surrogate pairs, which JSON may bring and UTF-8 has not, are replaced."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
