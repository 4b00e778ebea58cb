"""How a statement is sent: bounded in number, and tried again while there is hope.

Every statement that goes through here may be sent twice: each row has its own fixed timestamp, and each condition of a
lightweight transaction knows its own success again. So whatever is not known to have been done is done again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import stamina
from cassandra import (  # pyright: ignore[reportMissingTypeStubs] - the driver has no types
    ConsistencyLevel,
    OperationTimedOut,
    RequestExecutionException,
)
from cassandra.cluster import NoHostAvailable  # pyright: ignore[reportMissingTypeStubs]
from cassandra.connection import ConnectionException  # pyright: ignore[reportMissingTypeStubs]
from cassandra.query import BatchStatement, BatchType  # pyright: ignore[reportMissingTypeStubs]

from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra.cluster.link import Link

_AT_ONCE = 16  # statements of one replica under way; more only wait in Cassandra's own queues
_OF_MANY = 12  # of them of the kind that comes by the thousand: beats, writes and searches do not wait behind those
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0

# What may be otherwise the next time. Whatever else a cluster says of a statement is a mistake of ours.
_PASSING = (OperationTimedOut, NoHostAvailable, ConnectionException, RequestExecutionException)


class Level(IntEnum):
    """How many replicas of a row must answer."""

    ONE = ConsistencyLevel.LOCAL_ONE
    QUORUM = ConsistencyLevel.LOCAL_QUORUM
    ALL = ConsistencyLevel.ALL
    SERIAL = ConsistencyLevel.LOCAL_SERIAL


@dataclass(frozen=True, slots=True)
class Statement:
    """CQL with its values, in the order of its question marks."""

    cql: str
    values: Sequence[Any] = ()


class Asking:
    """Statements of one backend, on its event loop."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._places, self._places_of_many = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(_OF_MANY)

    async def one_of_many(self, cql: str, *values: Any) -> list[Any]:  # noqa: ANN401 - what Cassandra keeps
        """As `rows`, of which thousands may be asked for at once: all others go before."""

        async def sent() -> list[Any]:
            return await self._sent_of_many(await self._bound(cql, values, Level.QUORUM))

        return await self._trying(sent)

    async def rows(self, cql: str, *values: Any, at: Level = Level.QUORUM) -> list[Any]:  # noqa: ANN401 - what Cassandra keeps
        """The rows that a statement finds.

        Raises:
            StoreUnavailableError: when too few replicas answered, for as long as one waits.
        """

        async def sent() -> list[Any]:
            return await self._sent(await self._bound(cql, values, at))

        return await self._trying(sent)

    async def decided(self, cql: str, *values: Any) -> tuple[bool, tuple[Any, ...]]:  # noqa: ANN401
        """Whether the condition of a lightweight transaction held; if not, the row that is there. Thousands may be asked for at once.

        One whose answer was lost is sent again: it may then find its own row there.
        """

        async def sent() -> list[Any]:
            bound = await self._bound(cql, values, Level.QUORUM)
            bound.serial_consistency_level = Level.SERIAL
            return await self._sent_of_many(bound)

        ((applied, *there),) = await self._trying(sent)
        return bool(applied), tuple(there)

    async def write(self, statements: Sequence[Statement], *, together: bool = False) -> None:
        """Do all of them at a quorum: as one write if they are of one partition, else `together`, so that none is left out in the end.

        Raises:
            StoreUnavailableError: it is not known whether they were done.
        """
        kind = BatchType.LOGGED if together else BatchType.UNLOGGED

        async def sent() -> list[Any]:
            batch: Any = BatchStatement(batch_type=kind, consistency_level=Level.QUORUM)
            for each in statements:
                batch.add((await self._prepared(each.cql)).bind(each.values))
            batch.is_idempotent = True
            return await self._sent(batch)

        await self._trying(sent)

    def away(self) -> list[str]:
        """Addresses of nodes that do not answer, as far as that is known."""
        return self._link.away()

    async def define(self, cql: str) -> None:
        """Change the schema."""
        await asyncio.get_running_loop().run_in_executor(self._link.threads, self._link.define, cql)

    async def _bound(self, cql: str, values: Sequence[Any], at: Level) -> Any:  # noqa: ANN401 - the driver's
        bound = (await self._prepared(cql)).bind(values)
        bound.consistency_level = at
        return bound

    async def _prepared(self, cql: str) -> Any:  # noqa: ANN401 - the driver's
        there = self._link.prepared(cql)
        if there is not None:
            return there
        return await asyncio.get_running_loop().run_in_executor(self._link.threads, self._link.prepare, cql)

    async def _trying(self, sent: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        clock = asyncio.get_running_loop().time
        since_s = clock()
        try:
            return await sent()  # not yet as one try of several: to keep count of those takes a fifth of what a statement does
        except _PASSING as error:
            pause_s = random.uniform(_FIRST_PAUSE_S, 2 * _FIRST_PAUSE_S)  # noqa: S311 - a jitter
            left_s = self._link.patience.quorum - (clock() - since_s) - pause_s
            if left_s <= 0:
                raise _unavailable(error) from error
        await asyncio.sleep(pause_s)
        try:
            async for attempt in stamina.retry_context(
                on=_PASSING,
                attempts=None,
                timeout=left_s,
                wait_initial=_FIRST_PAUSE_S,
                wait_max=_LONGEST_PAUSE_S,
                wait_jitter=_FIRST_PAUSE_S,
            ):
                with attempt:
                    return await sent()
        except _PASSING as error:
            raise _unavailable(error) from error
        raise AssertionError  # an attempt returns or raises

    async def _sent_of_many(self, statement: Any) -> list[Any]:  # noqa: ANN401 - the driver's
        async with self._places_of_many:
            return await self._sent(statement)

    async def _sent(self, statement: Any) -> list[Any]:  # noqa: ANN401 - the driver's
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any]] = loop.create_future()
        async with self._places:
            self._link.send(statement).add_callbacks(
                lambda rows: loop.call_soon_threadsafe(_found, answer, rows),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
                lambda error: loop.call_soon_threadsafe(_failed, answer, error),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
            )
            return await answer


def _unavailable(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"{type(error).__name__}: {error}")


def _found(answer: "asyncio.Future[list[Any]]", rows: list[Any] | None) -> None:
    if not answer.done():  # or else who asked has gone
        answer.set_result(list(rows or ()))


def _failed(answer: "asyncio.Future[list[Any]]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
