"""Many who ask at once."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.ledger import Claim, Desk, FullError, Hold, Ledger, Settle, State, UnknownItemError

from .asking import LEASE_S, OpenLedger, call, claim, complete, intend, load, reserve


def at_the_desk(ledger: Ledger, work: Callable[[Desk], Awaitable[Any]]) -> Any:
    """What `work` returns; the desk is closed at once after it."""

    async def sitting() -> Any:
        desk = Desk(ledger, lambda: 0.0)
        try:
            return await work(desk)
        finally:
            await desk.close()

    return asyncio.run(sitting())


def groups(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs each group has had."""
    sizes, write = list[int](), ledger.write

    def counted(jobs: Any, *, now: float) -> Any:
        sizes.append(len(jobs))
        return write(jobs, now=now)

    monkeypatch.setattr(ledger, "write", counted)
    return sizes


def test_who_asks_at_once_shares_a_commit(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes while a group is written is the next group; each asker gets its own answer."""
    load(ledger, *map(str, range(100)))
    sizes = groups(ledger, monkeypatch)

    async def work(desk: Desk) -> Any:
        return await asyncio.gather(*(desk.ask(Claim(worker="w", count=1, lease_s=LEASE_S)) for _ in range(100)))

    assert [leases[0].hold.item for leases in at_the_desk(ledger, work)] == [str(number) for number in range(100)]
    assert len(sizes) <= 2


def test_a_refusal_is_told_to_who_asked(ledger: Ledger) -> None:
    """Others of the same group get what they asked for."""
    load(ledger, "a")
    (lease,) = claim(ledger)

    async def work(desk: Desk) -> Any:
        jobs = [intend(Hold(item="z", fence=1), "k"), intend(lease.hold, "\ud83d"), complete(lease.hold)]
        return await asyncio.gather(*map(desk.ask, jobs), return_exceptions=True)

    unknown, half, done = at_the_desk(ledger, work)
    assert isinstance(unknown, UnknownItemError)
    assert isinstance(half, UnicodeEncodeError)
    assert not done.repeated


def test_several_in_one_group(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for several at once gets an answer for each, in their order: what was done, or why it was refused."""
    load(ledger, "a", "b")
    (lease,) = claim(ledger)
    sizes = groups(ledger, monkeypatch)

    async def work(desk: Desk) -> Any:
        jobs = [complete(lease.hold), complete(Hold(item="z", fence=1)), Claim(worker="w", count=2, lease_s=LEASE_S)]
        return await desk.ask_all(jobs), await desk.ask_all([])

    (done, unknown, leases), nothing = at_the_desk(ledger, work)
    assert not done.repeated
    assert isinstance(unknown, UnknownItemError)
    assert [each.hold.item for each in leases] == ["b"]
    assert (sizes, nothing) == ([3], [])


def test_a_disk_that_is_full(open_ledger: OpenLedger, disk: Path) -> None:
    """All of a group hear that nothing was done; who asks again for what there is room for is served."""
    ledger = open_ledger(disk / "ledger.db")
    load(ledger, "a", "b")
    (lease,) = claim(ledger)
    large = Settle(ticket=reserve(ledger, lease.hold, "k"), call=call("k", "a", answer="x" * (80 << 20)))
    asked = Claim(worker="w", count=1, lease_s=LEASE_S)

    async def work(desk: Desk) -> Any:
        refused = await asyncio.gather(desk.ask(large), desk.ask(asked), return_exceptions=True)
        return refused, await desk.ask(asked)

    refused, (lease,) = at_the_desk(ledger, work)
    assert [type(each) for each in refused] == [FullError, FullError]
    assert lease.hold.item == "b"
    assert ledger.sums.total.calls == 0


def test_the_loop_goes_on_while_the_disk_is_waited_for(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes its time holds up who asked, and nobody else."""
    load(ledger, "a")
    keep, began, may_end = ledger.keep, threading.Event(), threading.Event()

    def slow(written: Any) -> Any:
        began.set()
        may_end.wait()
        return keep(written)

    monkeypatch.setattr(ledger, "keep", slow)

    async def work(desk: Desk) -> Any:
        asking = asyncio.create_task(desk.ask(Claim(worker="w", count=1, lease_s=LEASE_S)))
        await asyncio.to_thread(began.wait)
        assert ledger.sums.count(State.LEASED) == 0, "what is not on the disk does not count"
        may_end.set()
        return await asking

    (lease,) = at_the_desk(ledger, work)
    assert lease.hold.item == "a"
    assert ledger.sums.count(State.LEASED) == 1


def test_who_gives_up_harms_nobody(ledger: Ledger) -> None:
    """A cancelled asker hears nothing; what it asked for is done all the same, and so is what others asked for, before the desk closes."""
    load(ledger, "a", "b")
    (first, second) = claim(ledger, 2)
    ticket = reserve(ledger, first.hold, "k")

    async def work(desk: Desk) -> Any:
        settling = asyncio.create_task(desk.ask(Settle(ticket=ticket, call=call("k", "a"))))
        completing = asyncio.create_task(desk.ask(complete(second.hold)))
        await asyncio.sleep(0)
        settling.cancel()
        return completing

    completing = at_the_desk(ledger, work)
    assert not completing.result().repeated
    assert ledger.sums.total.calls == 1
