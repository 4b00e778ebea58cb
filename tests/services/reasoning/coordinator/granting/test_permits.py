"""Leave to make calls: whoever vanishes keeps no lane's place, whoever waits is sent where somebody answers, and nothing is overspent."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tandem_reasoning.coordinator.granting.affording import Broke
from tandem_reasoning.coordinator.granting.lane_desk import Put, Shut
from tandem_reasoning.coordinator.granting.permits import Go, NoHedge, Tired, Wanted
from tandem_reasoning.lanes.hedging import KNOWN, Hedging
from tandem_reasoning.lanes.outcome import Answered, Failed, Trouble
from tandem_reasoning.lanes.standing import UNREACHABLE
from tandem_reasoning.ledger import Extend, FullError, Stale
from tandem_reasoning.values import Hold, Lane, Limits, Price, Usage

from tests.services.reasoning.coordinator.granting.permitting import (
    LEASE_S,
    MOST,
    Permitting,
    answered,
    lane,
    permitting,
    wanted,
)
from tests.services.reasoning.coordinator.granting.permitting import UNREACHABLE as NOBODY

PRICE = Price(input_nano=30, output_nano=140)
PATIENCE_S = 240


def test_the_places_of_a_worker_that_is_gone_come_free(tmp_path: Path) -> None:
    """When nothing was heard of it for as long as a lease lasts; one that keeps its leases keeps its calls."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane(limits=Limits(requests_per_minute=1_000_000, max_in_flight=2))]) as there:
            (one,) = await there.leased("one")
            (two,) = await there.leased("two")
            await there.go(wanted(one, worker="one"))
            ticket = (await there.go(wanted(two, worker="two"))).ticket
            for _ in range(4):
                there.clock.now += LEASE_S / 3
                there.permits.heard("two")
                await there.desk.ask(Extend(holds=(two,), lease_s=LEASE_S))
                await there.permits.look()
            assert there.lanes["local"].in_flight == 1
            await there.permits.settle(ticket, wanted(two, worker="two"), answered(), unused=False)
            assert there.lanes["local"].in_flight == 0

    asyncio.run(deed())


def test_a_worker_that_is_started_anew_makes_none_of_its_calls(tmp_path: Path) -> None:
    """But those for the items that it says it has."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane()]) as there:
            one, two = await there.leased("one", 2)
            await there.go(wanted(one))
            await there.go(wanted(two))
            there.permits.lost("one", {two.item})
            assert there.lanes["local"].in_flight == 1
            there.permits.lost("one", ())
            assert there.lanes["local"].in_flight == 0

    asyncio.run(deed())


def test_a_question_does_not_wait_for_a_lane_that_is_dead(tmp_path: Path) -> None:
    """As long as another one can be asked; when none can, it waits."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local"), lane("cloud")]) as there:
            (hold,) = await there.leased("one")
            await _dead(there, hold, "local")
            assert await there.permits.permit(wanted(hold)) == Shut(why=NOBODY.problem)
            await _dead(there, hold, "cloud")
            assert isinstance(await there.permits.permit(wanted(hold)), Put)

    asyncio.run(deed())


def test_a_call_that_fails_is_not_held_up_for_an_hour(tmp_path: Path) -> None:
    """However long the lane itself may want to be left alone."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local")]) as there:
            (hold,) = await there.leased("one")
            go = await there.go(wanted(hold))
            failed = Failed(trouble=Trouble.SERVER_ERROR, problem="oh", after_s=3600.0)
            again_s = await there.permits.settle(go.ticket, wanted(hold), failed, unused=False)
            assert 60 <= again_s < 62

    asyncio.run(deed())


def test_a_call_that_fails_too_often_is_given_up(tmp_path: Path) -> None:
    """On that lane; it says why, and a lane that nobody listens at is no fault of the call."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local"), lane("cloud")]) as there:
            (hold,) = await there.leased("one")
            for _ in range(3):
                go = await there.go(wanted(hold))
                await there.permits.settle(go.ticket, wanted(hold), Failed(trouble=Trouble.SERVER_ERROR, problem="oh"), unused=False)
            tired = await there.permits.permit(wanted(hold))
            assert tired == Tired(why="local failed 3 times: ServerError: oh")
            assert isinstance(await there.permits.permit(wanted(hold, lane="cloud")), Go)

    asyncio.run(deed())


def test_who_is_stale_gets_no_leave_and_keeps_no_place(tmp_path: Path) -> None:
    """Somebody else has the item."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane()]) as there:
            (hold,) = await there.leased("one")
            other = Hold(item=hold.item, fence=hold.fence + 7)
            assert isinstance(await there.permits.permit(wanted(other)), Stale)
            assert there.lanes["local"].in_flight == 0

    asyncio.run(deed())


def test_what_could_not_be_booked_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call keeps its place until it is booked, and then it is free."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane()]) as there:
            (hold,) = await there.leased("one")
            go = await there.go(wanted(hold))
            with monkeypatch.context() as full:
                full.setattr(there.desk, "ask", _full)
                with pytest.raises(FullError):
                    await there.permits.settle(go.ticket, wanted(hold), answered(), unused=False)
            assert there.lanes["local"].in_flight == 1
            await there.permits.settle(go.ticket, wanted(hold), answered(), unused=False)
            assert there.lanes["local"].in_flight == 0

    asyncio.run(deed())


def test_a_second_call_counts_from_the_first_sending(tmp_path: Path) -> None:
    """And on the first one's lane: else a lane whose stragglers are rescued would be taken for a quick one, and the other for slow."""
    hedging = Hedging(most_extra=1.0)

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local"), lane("cloud")], hedging=hedging) as there:
            for number in range(KNOWN + 1):
                first, second = await _late(there, number)
                there.clock.now += 10.0
                go = await there.go(second)
                there.clock.now += 2.0
                await there.permits.settle(first.beside, first, None, unused=False)
                await there.permits.settle(go.ticket, replace(second, lane=go.lane), answered(2.0), unused=False)

    asyncio.run(deed())
    assert hedging.after_s("local", "critic") == 3 * 12.0
    assert hedging.after_s("cloud", "critic") is None


def test_a_second_call_that_is_not_made_spends_no_right(tmp_path: Path) -> None:
    """The place had no room by its pace: asked again, there is still leave for one; said twice, it is the same one."""

    async def deed() -> None:
        limits = Limits(requests_per_minute=1, max_in_flight=8)
        async with permitting(tmp_path, [lane("local"), lane("cloud", limits=limits)], hedging=Hedging()) as there:
            _, second = await _late(there)
            blocking = there.lanes["cloud"].permit("other", 1, 0, there.clock.now, deadline_s=30.0)
            for _ in range(30):
                assert isinstance(await there.permits.permit(second), NoHedge)
            there.clock.now += 61.0
            there.permits.heard("one")
            assert blocking
            go = await there.go(second)
            assert await there.go(second) == go

    asyncio.run(deed())


def test_a_bill_beyond_the_worst_case_is_told(tmp_path: Path) -> None:
    """Once for a lane: its server writes more than it was asked for. As much is set aside for each call from then on."""

    async def deed() -> Sequence[str]:
        async with permitting(tmp_path, [lane("cloud", price=PRICE)], cap_nano=10**12) as there:
            for hold in await there.leased("one", 2):
                asked = wanted(hold, lane="cloud")
                go = await there.go(asked)
                much = replace(answered(), usage=Usage(input_tokens=5, output_tokens=10_000))
                await there.permits.settle(go.ticket, asked, much, unused=False)
            await there.go(wanted(*await there.leased("one"), lane="cloud"))
            assert there.ledger.sums.total.reserved_nano == PRICE.of(much.usage)
            return [event.kind for event in there.ledger.reader().events()]

    assert asyncio.run(deed()).count("BilledBeyondWorstCase") == 1


@pytest.mark.parametrize("other", [replace(lane("cloud"), model="better"), lane("cloud", price=PRICE)])
def test_a_second_call_is_made_in_the_name_of_the_first(tmp_path: Path, other: Lane) -> None:
    """So not by another model, whose answer is no vote of that lane, and not for more money than was chosen."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local"), other], hedging=Hedging(), cap_nano=10**12) as there:
            _, second = await _late(there)
            assert isinstance(await there.permits.permit(second), NoHedge)

    asyncio.run(deed())


def test_nothing_is_overspent_with_256_calls_in_flight_and_workers_killed(tmp_path: Path) -> None:
    """Whoever is killed tells no end; all that was ever charged stays below the cap, and nearly all of it was used."""
    cap_nano = 300_000_000 // 1000
    rng, charged, most = random.Random(6), [0], [0]

    async def deed() -> tuple[int, int]:
        limits = Limits(requests_per_minute=10_000_000, max_in_flight=256)
        async with permitting(tmp_path, [lane("cloud", price=PRICE, limits=limits)], items=512, cap_nano=cap_nano) as there:
            ticking = asyncio.create_task(_tick(there))
            await asyncio.gather(*(_spend(there, f"w{number}", rng, charged, most) for number in range(256)))
            ticking.cancel()
            there.clock.now += 10 * LEASE_S
            await there.leased("last", 0)
            await there.permits.look()
            assert there.lanes["cloud"].in_flight == 0
            return there.ledger.sums.total.spent_nano, there.ledger.sums.total.reserved_nano

    spent, reserved = asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert most[0] > 200
    assert charged[0] <= spent <= cap_nano
    assert reserved == 0
    assert spent >= 0.97 * cap_nano


async def _spend(there: Permitting, worker: str, rng: random.Random, charged: list[int], most: list[int]) -> None:
    """A worker's calls until the money is spent; now and then it is killed, and somebody new comes with the same name."""
    number = 0
    while True:
        for hold in await there.leased(worker) or [None]:
            if hold is None:
                await asyncio.sleep(0.01)
                if there.ledger.sums.total.spent_nano + PRICE.of(MOST) > (there.ledger.sums.cap_nano or 0):
                    return
                continue
            number += 1
            call = wanted(hold, worker=worker, lane="cloud", key=f"{worker} {number}")
            while isinstance(answer := await there.permits.permit(call), Put):  # noqa: ASYNC110 - a worker asks again, too
                await asyncio.sleep(0.005)
            if isinstance(answer, Broke):
                return
            if not isinstance(answer, Go):
                continue
            most[0] = max(most[0], there.lanes["cloud"].in_flight)
            await asyncio.sleep(rng.uniform(0, 0.02))
            outcome = _outcome(rng)
            charged[0] += PRICE.of(outcome.usage)
            if rng.random() < 0.9:
                await there.permits.settle(answer.ticket, call, outcome, unused=False)


def _outcome(rng: random.Random) -> Answered:
    usage = Usage(input_tokens=rng.randint(1, MOST.input_tokens), output_tokens=rng.randint(1, MOST.output_tokens))
    return Answered(text="so", usage=usage, seconds=1.0)


async def _tick(there: Permitting) -> None:
    """Time goes on, a thousand times as fast, so that leases of the dead run out."""
    while True:
        await asyncio.sleep(0.005)
        there.clock.now += 5.0
        await there.permits.look()


async def _dead(there: Permitting, hold: Hold, name: str) -> None:
    """Have a lane found dead."""
    for _ in range(UNREACHABLE):
        go = await there.go(wanted(hold, lane=name))
        await there.permits.settle(go.ticket, wanted(hold, lane=name), NOBODY, unused=False)


async def _late(there: Permitting, number: int = 0) -> tuple[Wanted, Wanted]:
    """A call that takes long after some that took a second: itself, with its ticket, and the wish for a second one."""
    if number == 0:
        await there.leased("one", lease_s=1e6)
        hold = Hold(item="q0", fence=1)
        for known in range(KNOWN):
            call = wanted(hold, key=f"known {known}")
            go = await there.go(call)
            await there.permits.settle(go.ticket, call, answered(), unused=False)
    hold = Hold(item="q0", fence=1)
    go = await there.go(wanted(hold, key=f"late {number}"))
    late = wanted(hold, key=f"late {number}", beside=go.ticket)
    return late, late


async def _full(_: object) -> None:
    msg = "no room"
    raise FullError(msg)
