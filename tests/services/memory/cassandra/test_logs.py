"""Several logs that a replica writes at a time."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from tandem.memory.v1.memory_pb2 import Judged
from tandem_memory.backend import Appended, Pruning
from tandem_memory.cassandra import Clustered, Link
from tandem_memory.cassandra.cluster.asking import Statement
from tandem_memory.cassandra.log.entries import Entry
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.writers.claims import _CAUTION, Standing
from tandem_memory.cassandra.writers.ledgers import MOST

from tests.services.memory.driven import NAMESPACE, record

from .conftest import MANNERS
from .replicas import EVERYTHING, all_records, replicas, shelf_of, told

pytestmark = pytest.mark.xdist_group("cassandra")
PATIENCE_S = 300  # a slow machine is no failure


async def keyed(backend: Clustered, *keys: str) -> Sequence[Appended]:
    """Records that are appended in one call."""
    return await backend.append(NAMESPACE, [record(key, key=key) for key in keys], embedding="caller")


def test_who_writes_at_the_same_time_has_a_log_of_his_own(link: Link) -> None:
    """One who writes alone has one; what comes after something was acknowledged is behind it, whatever the clock says."""

    async def written() -> None:
        async with replicas(link, 2, MANNERS, now=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as (one, other):
            for each in range(3):
                await keyed(one, f"alone {each}")
            shelf = shelf_of(one)
            assert len(shelf.ledgers.begun) == 1
            for turn in range(4):
                await asyncio.gather(*(keyed(one, f"{turn} {each}") for each in range(MOST + 3)))
            assert len(shelf.ledgers.begun) == MOST
            keys = list((await all_records(other)).values())
            assert keys[:3] == ["alone 0", "alone 1", "alone 2"]
            assert len(keys) == 3 + 4 * (MOST + 3)
            assert [key[0] for key in keys[3:]] == sorted(key[0] for key in keys[3:])
            assert [change.appended.key for change in await told(one, len(keys))] == keys
            assert (await other.check())[1] == []

    asyncio.run(written())


def test_a_replica_hears_of_a_record_before_it_hears_what_became_of_it(link: Link) -> None:
    """Though it read the record's log before that was in it, and the log with the rest after."""

    async def heard() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            await keyed(one, "begun")
            _, (judged,), (gone,) = await asyncio.gather(*(keyed(one, key) for key in ("first", "judged", "gone")))
            logs = shelf_of(one).ledgers.begun
            assert len({logs[0], *(Place.parsed(each.id).writer for each in (judged, gone))}) == 3
            await keyed(other, "other's")
            shelf, early = shelf_of(other), set(logs[1:])
            shelf.tails.of.clear()  # as if nothing of this had been read
            shelf._following._looked_s.clear()
            stretch = shelf.log.stretch

            async def raced(writer: str, after: int, until: int, *, exact: bool = False) -> list[Entry]:
                if writer in early:
                    early.discard(writer)
                    return []
                return await stretch(writer, after, until, exact=exact)

            shelf.log.stretch = raced
            assert await one.judge(NAMESPACE, [Judged(id=judged.id, gain=1)]) == 1
            assert (await one.prune(NAMESPACE, Pruning(among=EVERYTHING, keep_best=0))).ids
            await shelf.refresh()
            assert not early
            assert {Place.parsed(each.id).writer: 1 for each in (judged, gone)}.items() <= shelf.tails.heads.items()
            assert shelf.tails.heads[logs[0]] > 2

    asyncio.run(heard())


def test_a_key_that_comes_again_while_it_is_written(link: Link) -> None:
    """Into another log of the same replica: who comes second waits until the first is there."""

    async def waited() -> None:
        async with replicas(link, 1, MANNERS) as (one,):
            for _ in range(2):  # the second is known, so that names are looked up from then on
                await keyed(one, "before")
            write, gate, shelf = one._asking.write, asyncio.Event(), shelf_of(one)

            async def held(statements: Sequence[Statement], *, together: bool = False) -> None:
                await gate.wait()
                await write(statements, together=together)

            one._asking.write = held
            try:
                tasks = [asyncio.create_task(keyed(one, key)) for key in ("another", "twice")]
                async with asyncio.timeout(PATIENCE_S):
                    while await shelf.claims.holder("record twice") is None:  # noqa: ASYNC110 - the cluster tells nobody
                        await asyncio.sleep(0.01)
                looked = asyncio.Event()
                given_up = shelf.awaiting._given_up

                async def asked(place: Place) -> bool:
                    looked.set()
                    return await given_up(place)

                shelf.awaiting._given_up = asked
                tasks.append(asyncio.create_task(keyed(one, "twice")))
                await asyncio.wait_for(looked.wait(), PATIENCE_S)
                assert not any(task.done() for task in tasks)
            finally:
                gate.set()
            (_,), (first,), (second,) = await asyncio.gather(*tasks)
            assert (first.known, second) == (False, Appended(id=first.id, known=True))
            assert sorted((await all_records(one)).values()) == ["another", "before", "twice"]
            assert await one.check() == (3, [])

    asyncio.run(waited())


def test_names_are_looked_up_where_they_may_be_known(link: Link) -> None:
    """New ones are claimed at once; one that is known costs a place, and for a while none does."""

    async def looked() -> None:
        async with replicas(link, 2, MANNERS) as (one, other):
            (first,) = await keyed(one, "a")
            for _ in range(3):
                assert await keyed(other, "a") == [Appended(id=first.id, known=True)]
            shelf = shelf_of(other)
            assert [shelf.tails.heads[writer] for writer in shelf.ledgers.begun] == [1]
            looks, standing = list[str](), shelf.awaiting.standing

            async def counted(name: str) -> Standing:
                looks.append(name)
                return await standing(name)

            shelf.awaiting.standing = counted
            numbers = [str(number) for number in range(2 * _CAUTION)]
            for number in numbers:
                (new,) = await keyed(other, number)
                assert not new.known
            assert len(looks) == _CAUTION
            assert [each.known for each in await keyed(other, "new", "a", "newer")] == [False, True, False]
            assert sorted((await all_records(one)).values()) == sorted(["a", "new", "newer", *numbers])
            assert (await one.check())[1] == []

    asyncio.run(looked())
