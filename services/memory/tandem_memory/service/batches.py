"""Searches that wait together are made together: one look at an index costs little more for many queries than for one.

Only those that ask the same of the same namespace can be. While one batch is made, what comes meanwhile gathers; so batches grow
with the load, and a search that comes alone waits for nobody. Behind a batch that takes long nobody waits long: another one is begun.

Where several have been answered together, they are likely to come again together: what was received meanwhile comes here in a few turns
of the loop, some microseconds each, for which a batch waits.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter

from tandem_memory.backend import Backend, DamagedError, Nearest, TooLarge
from tandem_memory.figures import Figures

_AT_ONCE, _PATIENCE_S = 2, 0.005  # batches, the second one for who has waited so long: each of two small ones pays what one costs
_TURNS = 5  # of the loop without a search that a batch waits for others of its crowd: in ten no more of them come together
_QUERIES = 32  # of a batch that more than one caller is in: beyond that a query costs the same, and the first would wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What searches have in common that can be made together; `wanted` is the filter as it is on the wire."""

    namespace: str
    k: int
    wanted: bytes
    vectors: bool


@dataclass(slots=True)
class _Asked:
    """A search that waits."""

    queries: npt.NDArray[np.float32]
    since: float
    answer: "asyncio.Future[Nearest]"


@dataclass(slots=True)
class Batches:
    """Asks the backend."""

    backend: Backend
    figures: Figures
    _waiting: dict[Question, list[_Asked]] = field(default_factory=dict[Question, list[_Asked]])
    _made: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])
    _due: bool = False
    _timed: bool = False
    _turns: int = 0
    _crowd: Question | None = None

    async def nearest(self, question: Question, queries: npt.NDArray[np.float32]) -> Nearest:
        """The records nearest to each of `queries`, shape (queries, dimension of the namespace)."""
        loop = asyncio.get_running_loop()
        asked = _Asked(queries, loop.time(), loop.create_future())
        self._waiting.setdefault(question, []).append(asked)
        self._soon()
        return await asked.answer

    def _soon(self) -> None:
        """Have a batch begin after all that this turn of the loop brings, and perhaps the next few."""
        self._turns = 0
        if self._waiting and not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._turned)

    def _turned(self) -> None:
        self._turns += 1
        if self._waits():
            asyncio.get_running_loop().call_soon(self._turned)
        else:
            self._due = False
            self._begin()

    def _waits(self) -> bool:
        """Whether the next batch is not for as many yet as are likely to be nearly here."""
        if self._made or self._turns >= _TURNS or self._crowd not in self._waiting:
            return False
        question, waiting = next(iter(self._waiting.items()))
        return question == self._crowd and sum(len(each.queries) for each in waiting) < _QUERIES and self._left_s(waiting[0]) > 0

    def _begin(self) -> None:
        while self._waiting and len(self._made) < _AT_ONCE:
            question, waiting = next(iter(self._waiting.items()))  # those whose turn has not come for longest
            if self._made and not self._impatient(waiting[0]):
                return
            batch = _taken(waiting)
            del self._waiting[question]
            if waiting:
                self._waiting[question] = waiting  # behind all others, or a crowd that asks the same would keep them from ever being asked
            if batch:
                self._note(question, len(batch))
                self.figures.batch(sum(len(each.queries) for each in batch))
                made = asyncio.create_task(self._make(question, batch))
                self._made.add(made)
                made.add_done_callback(self._over)

    def _impatient(self, asked: _Asked) -> bool:
        """Whether somebody has waited too long behind a batch; if not, there is another look when it would be so."""
        left_s = self._left_s(asked)
        if left_s > 0 and not self._timed:
            self._timed = True
            asyncio.get_running_loop().call_later(left_s, self._looked)
        return left_s <= 0

    def _left_s(self, asked: _Asked) -> float:
        return asked.since + _PATIENCE_S - asyncio.get_running_loop().time()

    def _note(self, question: Question, callers: int) -> None:
        """Note who is answered together."""
        if callers > 1:
            self._crowd = question
        elif question == self._crowd:
            self._crowd = None

    def _looked(self) -> None:
        self._timed = False
        self._begin()

    def _over(self, made: "asyncio.Task[None]") -> None:
        self._made.discard(made)
        self._soon()

    async def _make(self, question: Question, batch: Sequence[_Asked]) -> None:
        queries = batch[0].queries if len(batch) == 1 else np.concatenate([each.queries for each in batch])
        try:
            wanted = Filter.FromString(question.wanted)
            found = await self.backend.search(question.namespace, queries, question.k, wanted, vectors=question.vectors)
        except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it was
            if isinstance(error, DamagedError) and len(batch) > 1:
                for each in batch:  # a record that one of them found is damaged: the others do without it
                    await self._make(question, [each])
            else:
                _refuse(batch, error)
        else:
            for each in _answered(batch, found):  # what is too large with what others asked for may not be by itself
                await self._make(question, [each])


def _taken(waiting: list[_Asked]) -> Sequence[_Asked]:
    """The oldest of `waiting`, as many as make a batch; those that nobody waits for are dropped."""
    taken, queries = list[_Asked](), 0
    while waiting and (not taken or queries + len(waiting[0].queries) <= _QUERIES):
        asked = waiting.pop(0)
        if not asked.answer.done():
            taken.append(asked)
            queries += len(asked.queries)
    return taken


def _answered(batch: Sequence[_Asked], found: Nearest) -> list[_Asked]:
    """Those that are to be asked again, alone; all others have their answer."""
    at, again = 0, list[_Asked]()
    for each in batch:
        theirs = found[at : at + len(each.queries)]
        at += len(each.queries)
        if len(batch) > 1 and TooLarge() in theirs:
            again.append(each)
        elif not each.answer.done():  # or nobody waits any more
            each.answer.set_result(theirs)
    return again


def _refuse(batch: Sequence[_Asked], error: Exception) -> None:
    for each in batch:
        if not each.answer.done():
            each.answer.set_exception(error)
