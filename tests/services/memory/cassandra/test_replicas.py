"""Several replicas of the service on one cluster."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest
from tandem.memory.v1.memory_pb2 import Change, Judged
from tandem_memory.backend import Pruning, StoreUnavailableError
from tandem_memory.cassandra import Link, Manners
from tandem_memory.cassandra.log.places import Place, replica_of
from tandem_memory.cassandra.writers.ledger import _MOST_PLACED
from tandem_memory.cassandra.writers.ledgers import MOST

from tests.services.memory.driven import NAMESPACE, record

from .conftest import MANNERS
from .replicas import EVERYTHING, Passing, PowerCut, Writers, all_records, nearest, replicas, shelf_of, told

pytestmark = pytest.mark.xdist_group("cassandra")
LENIENT = Manners(quiet=0.02, poll=0.02, lease=600, gone=6000)
QUERY = (1, 0, 0, 0)


def by_log(changes: Sequence[Change]) -> dict[str, list[int]]:
    """Positions of what was appended, in the order of telling."""
    logs = defaultdict[str, list[int]](list)
    for place in (Place.parsed(change.appended.id) for change in changes):
        logs[place.writer].append(place.position)
    return logs


def test_each_sees_what_the_other_writes(link: Link) -> None:
    """A watcher of either replica is told what both wrote, each once, without a gap in anybody's log; and what it has seen is there."""

    async def watched() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            writers = Writers([one, other], 3)
            await writers.more(30)
            halfway = await told(other, 20)
            await writers.more(60)
            await writers.stop()
            count = len(writers.acknowledged)
            heard = await asyncio.gather(told(one, count), told(other, count))
            for changes in heard:
                appended = {change.appended.key: change.appended.id for change in changes}
                assert appended == writers.acknowledged
                assert len(changes) == count
                logs = by_log(changes)
                assert all(logs[writer][: len(positions)] == positions for writer, positions in by_log(halfway).items())
                assert len(set(map(replica_of, logs))) == 2
                assert all(positions == list(range(1, len(positions) + 1)) for positions in logs.values())

    asyncio.run(watched())


def test_keys_are_of_all_replicas(link: Link) -> None:
    """Of records under one key that two replicas take in at once one is there, and both are told its id."""

    async def raced() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            records = [record(str(number), key=str(number)) for number in range(24)]
            first, second = await asyncio.gather(
                one.append(NAMESPACE, records, embedding="caller"), other.append(NAMESPACE, records[::-1], embedding="caller")
            )
            second = second[::-1]
            assert [each.id for each in first] == [each.id for each in second]
            assert all(a.known != b.known for a, b in zip(first, second, strict=True))
            assert sorted((await all_records(one)).values(), key=int) == [str(number) for number in range(24)]
            assert (await other.check())[1] == []

    asyncio.run(raced())


def test_a_name_that_cannot_be_claimed_costs_nobody_else(link: Link) -> None:
    """Others that came at the same time are taken in, before it and behind it, in a log without a gap; and it is later, under its key."""

    async def refused() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            await one.append(NAMESPACE, [record("first", key="first")], embedding="caller")
            shelf = shelf_of(one)
            take = shelf.claims.take

            async def taken(name: str, place: Place, instead_of: Place | None, *, passing: bool) -> Place | None:
                if name.endswith("unlucky"):
                    raise StoreUnavailableError
                return await take(name, place, instead_of, passing=passing)

            # Each log has one of those before it, so that it comes behind one of them and before another.
            keys = [*(f"before {at}" for at in range(MOST)), "unlucky", *(f"behind {at}" for at in range(MOST))]
            shelf.claims.take = taken
            outcomes = await asyncio.gather(
                *(one.append(NAMESPACE, [record(key, key=key)], embedding="caller") for key in keys), return_exceptions=True
            )
            shelf.claims.take = take
            assert [key for key, each in zip(keys, outcomes, strict=True) if isinstance(each, StoreUnavailableError)] == ["unlucky"]
            (again,) = await other.append(NAMESPACE, [record("unlucky", key="unlucky")], embedding="caller")
            assert not again.known
            await one.append(NAMESPACE, [record("last", key="last")], embedding="caller")
            assert sorted((await all_records(one)).values()) == sorted(["first", *keys, "last"])
            appended = [change.appended.key for change in await told(other, len(keys) + 2)]
            assert (appended[0], appended[-1]) == ("first", "last")
            assert (await other.check())[1] == []

    asyncio.run(refused())


def test_who_waits_behind_a_write_that_fails_is_taken_in(link: Link) -> None:
    """Only those fail that had their places in the log that ends there: not more than claims are made for ahead."""

    async def taken_in() -> None:
        async with replicas(link, 1, MANNERS) as (one,):
            await one.append(NAMESPACE, [record("first", key="first")], embedding="caller")
            shelf = shelf_of(one)
            keys = [str(number) for number in range(MOST * _MOST_PLACED + 200)]
            appends = [asyncio.create_task(one.append(NAMESPACE, [record(key, key=key)], embedding="caller")) for key in keys]
            with PowerCut(one):
                await asyncio.wait(appends, return_when=asyncio.FIRST_COMPLETED)
            assert max(log.pen.position - log.pen.written for log in shelf.ledgers._logs) <= _MOST_PLACED
            outcomes = await asyncio.gather(*appends, return_exceptions=True)
            failed = [key for key, each in zip(keys, outcomes, strict=True) if isinstance(each, BaseException)]
            assert 0 < len(failed) <= MOST * _MOST_PLACED
            again = await asyncio.gather(*(one.append(NAMESPACE, [record(key, key=key)], embedding="caller") for key in failed))
            assert not any(each.known for (each,) in again)
            assert sorted((await all_records(one)).values()) == sorted(["first", *keys])
            assert (await one.check())[1] == []

    asyncio.run(taken_in())


def test_what_one_took_in_the_other_finds(link: Link) -> None:
    """What one replica acknowledged the next search, judgement and pruning of another sees at once."""

    async def seen() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            for number in range(10):
                (done,) = await one.append(NAMESPACE, [record(str(number), near=(number, 1, 0, 0))], embedding="caller")
                (near,) = await nearest(other, (number, 1, 0, 0), 1)
                assert near.record.id == done.id
                assert await other.judge(NAMESPACE, [Judged(id=done.id, gain=1, key=str(number))]) == 1
                assert await one.judge(NAMESPACE, [Judged(id=done.id, gain=1, key=str(number))]) == 0
            await other.prune(NAMESPACE, Pruning(among=EVERYTHING, keep_best=1))
            (left,) = await nearest(one, QUERY, 10)
            assert left.record.question == "9"
            assert left.record.use.times == 1

    asyncio.run(seen())


def test_who_watches_before_there_is_anything_is_told_what_another_takes_in(link: Link) -> None:
    """Also of what is new alone."""

    async def heard() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            news = other.watch(NAMESPACE, "", EVERYTHING, only_new=True, vectors=False)
            assert (await anext(news)).cursor == ""
            await one.append(NAMESPACE, [record("first")], embedding="caller")
            while not (changes := (await anext(news)).changes):
                pass
            assert [change.appended.question for change in changes] == ["first"]

    asyncio.run(heard())


def test_a_replica_that_dies_between_claim_and_record(link: Link) -> None:
    """A key that was claimed for what never came is free once its replica is given up, not before; what comes late stays away."""

    async def taken_over() -> None:
        clock = Passing()
        async with replicas(link, 2, LENIENT, clock) as (dying, other):
            await dying.append(NAMESPACE, [record("before")], embedding="caller")
            with PowerCut(dying) as cut, pytest.raises(StoreUnavailableError):
                await dying.append(NAMESPACE, [record("nobody's", key="k")], embedding="caller")
            await nearest(other, QUERY, 1)  # so it has heard of it
            sent = asyncio.create_task(other.append(NAMESPACE, [record("mine", key="k")], embedding="caller"))
            await asyncio.sleep(0.5)
            assert not sent.done()
            clock.more(2 * LENIENT.lease)
            (done,) = await sent
            assert not done.known
            await cut.arrive()
            assert [each.known for each in await dying.append(NAMESPACE, [record("again", key="k")], embedding="caller")] == [True]
            for each in (dying, other):
                assert [near.record.question for near in await nearest(each, QUERY, 5)] == [
                    "before",
                    "mine",
                ]
                assert list((await all_records(each)).values()) == ["", "k"]
                assert await each.check() == (2, [])

    asyncio.run(taken_over())


def test_settled(link: Link) -> None:
    """Once all nodes have a record it is not kept in memory any more, and Cassandra alone finds it, also for a replica that begins then."""

    async def settled() -> None:
        async with replicas(link, 2, Manners(settle=0.01)) as (one, other):
            await one.append(NAMESPACE, [record(str(number), near=(1, number, 0, 0)) for number in range(300)], embedding="caller")
            tails = shelf_of(one).tails
            while tails.young:  # noqa: ASYNC110 - what is waited for is a matter of the replica's own
                await asyncio.sleep(0.05)
            for each in (one, other):
                found = await nearest(each, QUERY, 10)
                right = {near.record.question for near in found} & {str(number) for number in range(10)}
                assert len(right) >= 8, found  # Cassandra's own index is an approximate one
            assert not shelf_of(other).tails.young

    asyncio.run(settled())
