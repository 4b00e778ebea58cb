"""Brings the memory what waits for it in the ledger's outbox: in order, at least once, and by its keys never twice."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tandem.memory.v1 import memory_pb2 as memory
from tandem_memory.client import AsyncMemory, Judged, MemoryServiceError, NotThereError, Record, RefusedError

from tandem_reasoning.coordinator.memory.kept import RECORD
from tandem_reasoning.coordinator.memory.reach import Reach
from tandem_reasoning.lanes.backoff import pause_s
from tandem_reasoning.ledger import Desk, LedgerError, Memory, Reader, Sent, Tell

_AT_ONCE = 256  # in one append: some hundred kilobytes
_FIRST_S, _MOST_S = 0.5, 15.0
_log = logging.getLogger(__name__)

_Waiting = Sequence[tuple[int, Memory]]
_T = TypeVar("_T", Record, Judged)


class Outbox:
    """The way from the ledger to the memory.

    Attributes:
        waiting: Records and judgements that the memory has yet to be told.
    """

    def __init__(self, desk: Desk, reader: Reader, to: AsyncMemory, reach: Reach) -> None:
        """Begin with what an earlier life of the coordinator left."""
        self._desk, self._reader, self._reach = desk, reader, reach
        self._memory = to.but(patience_s=0.0)
        self._news = asyncio.Event()
        self.waiting = reader.unsent()

    def posted(self, number: int) -> None:
        """So many more are in the ledger."""
        self.waiting += number
        self._news.set()

    async def run(self) -> None:
        """Bring them, for ever."""
        failures = 0
        while True:
            try:
                await self.empty()
            except (MemoryServiceError, LedgerError) as error:
                failures += 1
                if isinstance(error, MemoryServiceError):
                    self._reach.failed(error)
            except Exception:  # noqa: BLE001 - whatever it is: what waits is not given up for it
                failures += 1
                _log.exception("what waits for the memory was not brought; tried again")
            else:
                failures = 0
                await self._news.wait()
                continue
            await asyncio.sleep(pause_s(failures, chance=random.random(), first_s=_FIRST_S, most_s=_MOST_S))  # noqa: S311 - jitter

    async def empty(self) -> None:
        """Bring all that wait now.

        Raises:
            MemoryServiceError: when the memory does not take them now.
            LedgerError: when the ledger cannot note that it did.
        """
        self._news.clear()
        while some := self._reader.waiting(_AT_ONCE):
            await self._bring(some)
            self._reach.well()
            await self._desk.ask(Sent(numbers=tuple(number for number, _ in some)))
            self.waiting = max(0, self.waiting - len(some))

    async def _bring(self, some: _Waiting) -> None:
        records = [each for _, each in some if each.key.startswith(RECORD)]
        judged = [each for _, each in some if not each.key.startswith(RECORD)]
        await self._given(records, _record, self._memory.append)
        await self._given(judged, _judged, self._memory.judge)

    async def _given(self, some: Sequence[Memory], made: Callable[[bytes], _T], give: Callable[[Sequence[_T]], Awaitable[object]]) -> None:
        """Give all of one sort; where one is refused, each by itself, and that one is left out."""
        if not some:
            return
        try:
            await give([made(each.record) for each in some])
        except NotThereError:  # judgements of a namespace that was removed
            return
        except RefusedError as error:
            if len(some) == 1:
                await self._refused(some[0], error)
                return
            for each in some:
                await self._given([each], made, give)

    async def _refused(self, one: Memory, error: RefusedError) -> None:
        """It will never be taken: said once, so that it does not keep the others waiting."""
        _log.error("%s: %s; it stays in the ledger alone", one.key, error)
        await self._desk.ask(Tell(key=f"memory/refused/{one.key}", kind="MemoryRefused", message=f"{one.key}: {error}"))


def _record(message: bytes) -> Record:
    return Record.of(memory.Record.FromString(message))


def _judged(message: bytes) -> Judged:
    told = memory.Judged.FromString(message)
    return Judged(id=told.id, gain=told.gain, source=told.source, key=told.key)
