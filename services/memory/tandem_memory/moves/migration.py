"""Moves all that one backend keeps into another, and compares both to the last field: from a disk to a cluster, and back.

What was moved before counts: records stand in the target in the source's order, so a migration that was broken off goes on where the
target ends, and one that is done finds nothing to do but to compare. Nobody may write to either meanwhile.

Ids and cursors are each backend's own, so they are new. That a judgement was told under its key is not in an export: told again after
the move it counts again.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from tandem.memory.v1.memory_pb2 import Filter, Namespace, Record

from tandem_memory.backend import Backend
from tandem_memory.transfer.alike import differing

_ALL = Filter()
_MOST = 1024  # records that become durable together
_MOST_BYTES = 8 << 20

Told: TypeAlias = Callable[[str, Namespace, int], None]
"""Hears at each record what is done ("moving", "comparing"), of which namespace of the source, and the record's number in it."""


class MigrationError(Exception):
    """The target does not hold what the source does, and cannot be brought to; one line with the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """A namespace that is in both now, record by record the same.

    Attributes:
        namespace: Which.
        records: How many it has.
        moved: How many of them were not there before.
    """

    namespace: str
    records: int
    moved: int


def unheard(_: str, __: Namespace, ___: int) -> None:
    """Hears, and says nothing."""


async def migrate(source: Backend, target: Backend, told: Told = unheard) -> Sequence[Migrated]:
    """Move every namespace of `source`, and compare; what the target has besides is let be.

    Args:
        source: Where from.
        target: Where to.
        told: Hears how far it is.

    Raises:
        MigrationError: at the first record that is not the same in both.
        StoreFullError, StoreUnavailableError: the same call goes on from there.
    """
    there = {each.name: each for each in await target.namespaces()}
    return [await _moved(source, target, each, there.get(each.name), told) for each in await source.namespaces()]


async def _moved(source: Backend, target: Backend, namespace: Namespace, there: Namespace | None, told: Told) -> Migrated:
    name = namespace.name
    if there is not None and (there.dimension, there.embedding) != (namespace.dimension, namespace.embedding):
        msg = (
            f"{name}: {there.dimension} dimensions by {there.embedding} in the target, {namespace.dimension} by {namespace.embedding}"
            " in the source; give an empty target"
        )
        raise MigrationError(msg)
    if there is None and not namespace.records:
        return Migrated(namespace=name, records=0, moved=0)  # all of it was pruned: a namespace begins with a record, and there is none
    moved = 0
    async with aclosing(_missing(source, target if there is not None else None, namespace, told)) as missing:
        async for part in missing:
            done = await target.take_back(name, part, embedding=namespace.embedding)
            if known := sum(each.known for each in done):
                msg = f"{name}: the target has {known} of the next {len(part)} keys for records of its own; give an empty target"
                raise MigrationError(msg)
            moved += len(part)
    return Migrated(namespace=name, records=await _compared(source, target, namespace, told), moved=moved)


async def _missing(source: Backend, target: Backend | None, namespace: Namespace, told: Told) -> AsyncGenerator[list[Record]]:
    """The records of the source that come after what the target has, which must be the same as what comes before them."""
    part, weight, name = list[Record](), 0, namespace.name
    async with aclosing(_records(source, name)) as wanted, aclosing(_records(target, name)) as there:
        number = 0
        async for record in wanted:
            number += 1
            told("moving", namespace, number)
            if (known := await anext(there, None)) is not None:
                _same(name, number, record, known)
                continue
            part.append(record)
            weight += record.ByteSize()
            if len(part) >= _MOST or weight >= _MOST_BYTES:
                yield part
                part, weight = [], 0
    if part:
        yield part


async def _compared(source: Backend, target: Backend, namespace: Namespace, told: Told) -> int:
    """How many records both have.

    Raises:
        MigrationError: when they are not the same, in the same order.
    """
    number, name = 0, namespace.name
    async with aclosing(_records(source, name)) as wanted, aclosing(_records(target, name)) as there:
        async for record in wanted:
            number += 1
            told("comparing", namespace, number)
            known = await anext(there, None)
            if known is None:
                msg = f"{name}: the target ends before record {number}; migrate again"
                raise MigrationError(msg)
            _same(name, number, record, known)
        if await anext(there, None) is not None:
            msg = f"{name}: the target has more than the {number} records of the source; give an empty target"
            raise MigrationError(msg)
    return number


async def _records(backend: Backend | None, name: str) -> AsyncGenerator[Record]:
    if backend is not None:
        parts: AsyncIterator[Sequence[Record]] = backend.export(name, _ALL, vectors=True)
        async for part in parts:
            for record in part:
                yield record


def _same(namespace: str, number: int, wanted: Record, there: Record) -> None:
    if fields := differing(wanted, there):
        msg = f"{namespace}: record {number} differs in {', '.join(fields)}; give an empty target"
        raise MigrationError(msg)
