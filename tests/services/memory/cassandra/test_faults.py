"""Nodes that are killed, cut off and brought back while many write."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from tandem.memory.v1.memory_pb2 import Record
from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra import Clustered, Link, Manners, Patience
from tandem_memory.cassandra.shelf.tails import UnsettledError

from tests.parts.cassandra_cluster import CassandraCluster, until
from tests.services.memory.driven import NAMESPACE, record

from .replicas import Writers, all_records, nearest, replicas, told

pytestmark = pytest.mark.xdist_group("cassandra")
MANNERS = Manners(quiet=0.02, poll=0.02, lease=600)
PATIENCE_S = 300  # a slow machine is no failure


@pytest.fixture
def patient(cassandra: CassandraCluster) -> Iterator[Link]:
    """A connection that waits long for a quorum, but not for a node."""
    link = Link(cassandra.addresses, patience=Patience(answer=10, quorum=90))
    yield link
    link.close()


@pytest.fixture
def brisk(cassandra: CassandraCluster) -> Iterator[Link]:
    """A connection that soon says that there is no quorum."""
    link = Link(cassandra.addresses, patience=Patience(answer=10, quorum=2))
    yield link
    link.close()


async def found_at_once(writing: Clustered, searching: Clustered, name: str, direction: float) -> None:
    near = (0, 0, 1, direction)
    (done,) = await writing.append(NAMESPACE, [record(name, key=name, near=near)], embedding="caller")
    (found,) = await nearest(searching, near, 1)
    assert found.record.id == done.id


async def filled(backend: Clustered) -> tuple[list[str], str]:
    """Append until nothing is taken in any more; the ids of what was, and why nothing else is."""
    ids = list[str]()
    while True:
        try:
            done = await backend.append(NAMESPACE, [record(near=(1, len(ids), 0, 0)) for _ in range(8)], embedding="caller")
        except UnsettledError as full:
            return ids, str(full)
        ids += [each.id for each in done]


async def taken_in(backend: Clustered, what: Record) -> None:
    """Append once there is room again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await asyncio.sleep(0.1)
            with suppress(UnsettledError):
                await backend.append(NAMESPACE, [what], embedding="caller")
                return


async def begun(backend: Clustered) -> None:
    """Return once something is taken in, however busy the cluster is."""
    for _ in range(100):
        with suppress(StoreUnavailableError):
            await backend.append(NAMESPACE, [record("before", key="before")], embedding="caller")
            return
    pytest.fail("nothing is taken in by a cluster of which no node is away")


async def refused(backend: Clustered) -> None:
    with pytest.raises(StoreUnavailableError):
        await backend.append(NAMESPACE, [record("one of three", key="one of three")], embedding="caller")


def test_nothing_acknowledged_is_lost(cassandra: CassandraCluster, patient: Link, brisk: Link) -> None:
    """With two of three nodes all goes on, with one of three nothing is acknowledged; in the end all that was is there once.

    One node is killed and one cut off while eight writers of two replicas write.
    """
    first, second, third = cassandra.nodes

    async def survived() -> None:
        async with replicas(patient, 2, MANNERS) as (one, other), replicas(brisk, 1, MANNERS) as (hasty,):
            await begun(hasty)
            writers = Writers([one, other], 4)
            await writers.more(10)
            second.kill()
            await writers.more(30)
            await found_at_once(one, other, "found with one killed", 1)
            third.pause()
            await refused(hasty)
            third.resume()
            await writers.more(10)
            second.start()  # in this thread: the node ends with the thread that started it
            await asyncio.to_thread(until, second.ready, "the node that was killed stays away")
            await writers.more(10)
            third.pause()
            await writers.more(30)
            await found_at_once(other, one, "found with one cut off", 2)
            third.resume()
            await writers.more(10)
            await writers.stop()
            there = await all_records(other)
            acknowledged = writers.acknowledged
            assert {key: identifier for identifier, key in there.items() if key in acknowledged} == acknowledged
            assert sorted(set(there.values()) - set(acknowledged)) == ["found with one cut off", "found with one killed"]
            assert len(there) == len(acknowledged) + 2
            changes = await told(one, len(there))
            assert [change.appended.id for change in changes] == list(there)
            assert await one.check() == (len(there), [])

    try:
        asyncio.run(survived())
    finally:
        third.resume()
        if second.gone:
            cassandra.start(second)
        for node in (first, second, third):
            until(node.ready, "a node stays away")


def test_young_records_are_bounded(cassandra: CassandraCluster, patient: Link) -> None:
    """While a node is cut off so much is taken in as may be held; then appends are refused with its address, until it is back.

    What was taken in is found all the time, by a replica that begins meanwhile too, and what is refused is not there.
    """
    *_, third = cassandra.nodes
    manners = replace(MANNERS, settle=0.01, retry=0.1, most_young_bytes=256 << 10)

    async def bounded() -> None:
        async with replicas(patient, 2, manners) as (one, other):
            await one.append(NAMESPACE, [record("before")], embedding="caller")
            third.pause()
            ids, why = await filled(one)
            assert 50 < len(ids) < 200
            while third.address not in why:
                _, why = await filled(one)
            for backend in (one, other):
                assert set(ids) <= {near.record.id for near in await nearest(backend, (1, 1, 0, 0), len(ids) + 1)}
            with pytest.raises(UnsettledError):
                await other.append(NAMESPACE, [record("by another")], embedding="caller")
            third.resume()
            await taken_in(one, record("after"))
            assert len(await all_records(other)) == len(ids) + 2

    try:
        asyncio.run(bounded())
    finally:
        third.resume()
        until(third.ready, "the node stays away")
