"""Logs that nobody writes any more."""

import asyncio
import secrets
from dataclasses import replace

import pytest
from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra import Clustered, Link, Manners
from tandem_memory.cassandra.log.places import Closed, cursor, positions

from tests.services.memory.driven import NAMESPACE, record

from .replicas import EVERYTHING, Passing, PowerCut, all_records, nearest, replicas, shelf_of, told

pytestmark = pytest.mark.xdist_group("cassandra")
LASTING = Manners(quiet=0.02, poll=0.02, settle=0.01, lease=600)
HASTY = replace(LASTING, gone=1300, late=0.1)  # by a clock on which that is no time
IDENTITY = "0123456789ab"
STARTS = 15
PATIENCE_S = 300  # a slow machine is no failure


def closed(number: int, position: int) -> Closed:
    return Closed(writer=f"{number:012x}.0", position=position, began_us=number, ended_us=number)


async def written(backend: Clustered) -> set[str]:
    """Writers that the cluster knows as such."""
    shelf = shelf_of(backend)
    cql = "SELECT writer FROM writers WHERE identity = ?"
    return {writer for (writer,) in await backend._asking.rows(cql, shelf.space.identity) if writer}


async def until_written_by(backend: Clustered, writers: set[str]) -> None:
    """Return when all other logs are closed; whoever reads on sees to it."""
    async with asyncio.timeout(PATIENCE_S):
        while not await written(backend) <= writers:
            await shelf_of(backend).refresh()
            await asyncio.sleep(0.05)


def test_a_cursor_counts_closed_logs() -> None:
    """Of closed logs only those are named that it is within, or that come before one that it is within; all of it is found again."""
    logs = [closed(1, 3), closed(2, 0), closed(3, 5), closed(4, 2)]
    heads = {each.writer: each.position for each in logs} | {f"{9:012x}.1": 7}
    halfway = {logs[0].writer: 3, logs[2].writer: 4, logs[3].writer: 2, f"{9:012x}.1": 6}
    given = cursor(IDENTITY, halfway, logs)
    assert given == f"{IDENTITY},~2,{3:012x}.0-4,{4:012x}.0-2,{9:012x}.1-6"
    assert positions(IDENTITY, given, heads, logs) == halfway | {logs[1].writer: 0}
    assert cursor(IDENTITY, heads, logs) == f"{IDENTITY},~4,{9:012x}.1-7"
    earlier = cursor(IDENTITY, halfway, [])  # before any of them was closed
    assert positions(IDENTITY, earlier, heads, logs) == halfway


def test_many_starts(link: Link) -> None:
    """Of many replicas, one after the other, no more logs are left open than two, and a cursor is as short as after three.

    All that they wrote is there, in its order, for pages, for watchers from the beginning and from a cursor of the first day, and by id.
    """
    store = secrets.token_hex(4)

    async def started() -> None:
        ids, first_day = list[str](), ""
        for number in range(STARTS):
            backend = Clustered(link, store=store, manners=LASTING)
            (done,) = await backend.append(NAMESPACE, [record(str(number), near=(1, number, 0, 0))], embedding="caller")
            ids.append(done.id)
            if number == 2:
                page = await backend.scan(NAMESPACE, "", 2, EVERYTHING, vectors=False)
                first_day = page.cursor
            await backend.close()
        last = Clustered(link, store=store, manners=LASTING)
        (done,) = await last.append(NAMESPACE, [record("last")], embedding="caller")
        await until_written_by(last, {done.id.partition("-")[0]})
        assert len(shelf_of(last).tails.closed) == STARTS
        news = last.watch(NAMESPACE, first_day, EVERYTHING, only_new=False, vectors=False)
        seen, place = list[str](), ""
        while len(seen) < STARTS - 1:
            each = await anext(news)
            seen += [change.appended.id for change in each.changes]
            place = each.cursor
        assert seen == [*ids[2:], done.id]
        assert len(place) < 64
        assert [change.appended.id for change in await told(last, STARTS + 1)] == [*ids, done.id]
        got = await last.get(NAMESPACE, ids, vectors=False)
        assert [each.id for each in got.records] == ids
        await last.append(NAMESPACE, [record("later")], embedding="caller")
        page = await last.scan(NAMESPACE, place, 10, EVERYTHING, vectors=False)
        assert [each.question for each in page.records] == ["later"]
        await last.close()

    asyncio.run(started())


def test_who_was_taken_to_have_left_goes_on_in_a_new_log(link: Link) -> None:
    """A replica that wrote nothing for long may find its log closed; what it writes then is acknowledged and seen all the same."""

    async def silent() -> None:
        clock = Passing()
        async with replicas(link, 2, HASTY, clock) as (one, other):
            (before,) = await one.append(NAMESPACE, [record("before")], embedding="caller")
            await nearest(other, (1, 0, 0, 0), 1)
            clock.more(HASTY.gone)
            await until_written_by(other, set())
            (after,) = await one.append(NAMESPACE, [record("after")], embedding="caller")
            assert after.id.partition("-")[0] != before.id.partition("-")[0]
            for each in (one, other):
                assert list(await all_records(each)) == [before.id, after.id]
                assert {near.record.id for near in await nearest(each, (1, 0, 0, 0), 5)} == {before.id, after.id}
            assert await other.check() == (2, [])

    asyncio.run(silent())


def test_what_comes_behind_a_closed_log_counts_as_nothing(link: Link) -> None:
    """A write of a replica that died arrives when its log is closed: its key is free, nobody finds it, and a retry is there once."""

    async def came_late() -> None:
        clock = Passing()
        async with replicas(link, 2, replace(HASTY, retry=0.05), clock) as (dying, other):
            await dying.append(NAMESPACE, [record("before")], embedding="caller")
            with PowerCut(dying) as cut:
                with pytest.raises(StoreUnavailableError):
                    await dying.append(NAMESPACE, [record("too late", key="k")], embedding="caller")
                await nearest(other, (1, 0, 0, 0), 1)
                clock.more(HASTY.gone)
                await until_written_by(other, set())
                await cut.arrive()
                (done,) = await other.append(NAMESPACE, [record("again", key="k")], embedding="caller")
                assert not done.known
            (twice,) = await dying.append(NAMESPACE, [record("again", key="k")], embedding="caller")
            assert (twice.id, twice.known) == (done.id, True)
            for each in (dying, other):
                assert [near.record.question for near in await nearest(each, (1, 0, 0, 0), 5)] == ["before", "again"]
                assert await each.check() == (2, [])

    asyncio.run(came_late())
