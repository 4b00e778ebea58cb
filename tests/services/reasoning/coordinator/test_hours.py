"""Machines that cost by the hour are paid while the run lasts, each moment once."""

import asyncio
from pathlib import Path

import pytest
from tandem_reasoning.coordinator.hours import Hours
from tandem_reasoning.ledger import FullError
from tandem_reasoning.values import Price

from tests.services.reasoning.coordinator.granting.permitting import Permitting, lane, permitting

DOLLAR = 10**9
DEAR = lane("local", price=Price(hour_nano=2 * DOLLAR))


def meter(there: Permitting, *, begun: str = "today", over: bool = False) -> Hours:
    return Hours(there.desk, [DEAR, lane("free")], over=lambda: over, clock=there.clock, begun=begun)


def spent(there: Permitting) -> dict[str, int]:
    return {name: books.spent_nano for name, books in there.ledger.sums.lanes.items() if books.spent_nano}


def test_each_moment_is_paid_once(tmp_path: Path) -> None:
    """Half an hour in two parts, and another half by the coordinator after it, are two dollars at two dollars an hour."""

    async def deed() -> None:
        async with permitting(tmp_path, [DEAR, lane("free")]) as there:
            hours = meter(there)
            for _ in range(2):
                there.clock.now += 900
                await hours.book()
                await hours.book()
            assert spent(there) == {"local": DOLLAR}
            following = meter(there, begun="tomorrow")
            there.clock.now += 1800
            await following.book()
            assert spent(there) == {"local": 2 * DOLLAR}

    asyncio.run(deed())


def test_what_cannot_be_booked_is_booked_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that is full for a while."""

    async def full(_: object) -> object:
        msg = "no room"
        raise FullError(msg)

    async def deed() -> None:
        async with permitting(tmp_path, [DEAR, lane("free")]) as there:
            hours = meter(there)
            there.clock.now += 900
            with monkeypatch.context() as patched:
                patched.setattr(there.desk, "ask", full)
                await hours.book()
            assert spent(there) == {}
            there.clock.now += 900
            await hours.book()
            assert spent(there) == {"local": DOLLAR}

    asyncio.run(deed())


def test_nobody_pays_for_a_run_that_is_over(tmp_path: Path) -> None:
    """Whoever started the coordinator will stop it soon."""

    async def deed() -> None:
        async with permitting(tmp_path, [DEAR, lane("free")]) as there:
            hours = meter(there, over=True)
            there.clock.now += 3600
            await hours.book()
            assert spent(there) == {}

    asyncio.run(deed())
