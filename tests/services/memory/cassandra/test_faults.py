"""Nodes that are killed, cut off and brought back while many write."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra import Clustered, Link, Manners, Patience

from tests.parts.cassandra_cluster import CassandraCluster, until
from tests.services.memory.driven import NAMESPACE, record

from .replicas import EVERYTHING, Writers, all_records, replicas, told

pytestmark = pytest.mark.xdist_group("cassandra")
MANNERS = Manners(quiet=0.02, poll=0.02, lease=600)


@pytest.fixture
def patient(cassandra: CassandraCluster) -> Iterator[Link]:
    """A connection that waits long for a quorum, but not for a node."""
    link = Link(cassandra.addresses, patience=Patience(answer=10, quorum=90))
    yield link
    link.close()


@pytest.fixture
def brisk(cassandra: CassandraCluster) -> Iterator[Link]:
    """A connection that soon says that there is no quorum."""
    link = Link(cassandra.addresses, patience=Patience(answer=2, quorum=2))
    yield link
    link.close()


async def found_at_once(writing: Clustered, searching: Clustered, name: str, direction: float) -> None:
    near = (0, 0, 1, direction)
    (done,) = await writing.append(NAMESPACE, [record(name, key=name, near=near)], embedding="caller")
    ((found,),) = await searching.search(NAMESPACE, np.array([near], np.float32), 1, EVERYTHING, vectors=False)
    assert found.record.id == done.id


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
            await hasty.append(NAMESPACE, [record("before")], embedding="caller")
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
