"""Finding out about servers: by one worker, before anything is handed out, once, and paid."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.coordinator.granting.inspections import GIVEN_S, PATIENCE_S, TRIES, Inspections
from tandem_reasoning.lanes.outcome import Trouble
from tandem_reasoning.lanes.probing import parallel
from tandem_reasoning.lanes.probing.findings import Findings, dumped
from tandem_reasoning.lanes.standing import Phase
from tandem_reasoning.ledger import State
from tandem_reasoning.values import Price, Usage

from tests.services.reasoning.coordination import coordinating, items, job, questions, saying, work
from tests.services.reasoning.coordinator.granting.permitting import Permitting, answered, lane, permitting
from tests.services.reasoning.lanes.quirky_server import Quirky
from tests.services.reasoning.lanes.wire_server import Act, playing

PATIENCE_OF_TEST_S = 240
A, B = "http://a/v1", "http://b/v1"
PRICE = Price(input_nano=30, output_nano=140)


def inspections(there: Permitting) -> Inspections:
    """Of all its lanes, of which nothing is known."""
    made = Inspections(desk=there.desk, lanes=there.lanes, clock=there.clock, chance=lambda: 0.5)
    made.begin({})
    return made


def findings(url: str = A, **more: Any) -> str:
    usage = Usage(input_tokens=100, output_tokens=200)
    return dumped(Findings(url=url, model="m", usage_told=True, tokens_per_s=50.0, calls=20, usage=usage, **more))


def test_a_run_knows_its_servers_before_it_relies_on_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what it found, keeps a server that does one call at a time to two, pays, and does not ask again when started anew."""
    # One call alone has to be held up for more than a second, then, before two at once look much faster.
    monkeypatch.setattr(parallel, "GAIN", 1.8)

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            local.answer = Quirky(names=("local-model",), lists=("local-model",), slots=1, call_s=0.5).answer
            cloud.answer = Quirky(names=("cloud-model",), lists=None, usage=False).answer
            told = job({"local": [local.url], "cloud": [cloud.url]}, probe=True, routing={"policy": "Local"}, thinking={"maxSteps": 1})
            async with coordinating(tmp_path, told, questions(2)) as coordinator:
                await asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
                here, there = coordinator.status.lanes
                assert "does one call at a time" in " ".join(here.findings)
                assert "does not list" in " ".join(there.findings)
                assert "counts no tokens" in " ".join(there.findings)
                assert (here.most_in_flight, there.most_in_flight) == (2, 8)
                assert (here.spent_nano, there.calls) == (0, 0)
                assert there.spent_nano > 0
                asked, status = len(cloud.asked), coordinator.status
            async with coordinating(tmp_path, told, questions(3)) as coordinator:
                await work(coordinator.address, "one")
                assert len(cloud.asked) == asked
                assert list(coordinator.status.lanes[0].findings) == list(status.lanes[0].findings)
                assert coordinator.status.lanes[0].most_in_flight == 2

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_OF_TEST_S))
    assert {item.state for item in items(tmp_path / "ledger.sqlite")} == {State.DONE}


def test_a_model_that_is_not_served_leaves_its_lane_open_and_the_run_goes_on(tmp_path: Path) -> None:
    """With the server's own words; the other lane answers."""

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            local.answer, cloud.answer = Quirky(names=("another",)).answer, saying("Answer: so")
            told = job({"local": [local.url], "cloud": [cloud.url]}, probe=True, routing={"policy": "Local"})
            async with coordinating(tmp_path, told, questions(6)) as coordinator:
                await work(coordinator.address, "one")
                here = coordinator.status.lanes[0]
                assert (here.state, coordinator.status.done) == ("Open", 6)
                assert "pinned to 'another'" in here.problem
                assert list(here.findings) == [f"{local.url} cannot be used with model local-model: {here.problem}"]

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_OF_TEST_S))
    assert {item.outcome and item.outcome.lane for item in items(tmp_path / "ledger.sqlite")} == {"cloud"}


def test_who_refuses_the_key_is_not_asked_again_with_it(tmp_path: Path) -> None:
    """One call finds out; others would be refused likewise, and a provider may shut out who goes on."""

    async def refused(path: str, body: dict[str, Any]) -> Act:
        del path, body
        return Act(status=401, body=b'{"error": {"message": "no such key"}}')

    async def deed() -> None:
        async with playing() as local, playing() as cloud:
            local.answer, cloud.answer = saying("Answer: so"), refused
            told = job({"local": [local.url], "cloud": [cloud.url]}, probe=True, routing={"policy": "Cloud"})
            async with coordinating(tmp_path, told, questions(20)) as coordinator:
                await work(coordinator.address, "one", at_once=1)
                status = coordinator.status
                assert (status.done, status.spent_nano, len(cloud.asked)) == (20, 0, 1)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_OF_TEST_S))


def test_a_probe_whose_worker_vanishes_is_given_to_the_next(tmp_path: Path) -> None:
    """When its time is over or it comes back and knows nothing; the worst case of each stays booked, and after some nobody waits."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("cloud", A, price=PRICE)]) as there:
            made = inspections(there)
            (first,) = await made.wanted("one")
            assert await made.wanted("two") == []
            assert made.waited_for
            worst = there.ledger.sums.total.spent_nano
            made.lost("one")
            (second,) = await made.wanted("two")
            assert second.number != first.number
            assert there.ledger.sums.total.spent_nano == 2 * worst
            there.clock.now += GIVEN_S
            assert await made.wanted("two") == []
            assert not made.waited_for
            assert made.sentences("cloud") == [f"{A} is not known: nobody told the end of {TRIES} probes"]

    asyncio.run(deed())


def test_patience_ends(tmp_path: Path) -> None:
    """A server that takes long to be known does not keep the questions for good; what is found out then still counts."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local", A)]) as there:
            made = inspections(there)
            (given,) = await made.wanted("one")
            there.clock.now += PATIENCE_S
            assert not made.waited_for
            await made.found(given.number, findings(parallel=2))
            assert there.lanes["local"].most_in_flight == 3

    asyncio.run(deed())


def test_without_the_money_there_is_no_probe(tmp_path: Path) -> None:
    """It says so, and the run goes on as if the server were known."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("cloud", A, price=PRICE)], cap_nano=1000) as there:
            made = inspections(there)
            assert await made.wanted("one") == []
            assert not made.waited_for
            assert "so much is not left" in made.sentences("cloud")[0]
            assert there.ledger.sums.total.spent_nano == 0

    asyncio.run(deed())


def test_a_server_that_comes_back_is_found_out_about_then(tmp_path: Path) -> None:
    """While it is away its lane says why; once a call has shown that it is well, somebody is asked to look."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local", A, B)]) as there:
            made, desk = inspections(there), there.lanes["local"]
            one, two = await made.wanted("one")
            await made.found(one.number, findings(B, parallel=1))  # of an earlier life of the coordinator, which counted from one, too
            assert made.waited_for
            await made.found(one.number, findings(A, trouble=Trouble.UNREACHABLE, problem="nobody answers"))
            await made.found(two.number, findings(B, parallel=1))
            assert not made.waited_for
            assert (desk.phase_of(A), desk.phase_of(B), desk.phase) == (Phase.OPEN, Phase.READY, Phase.READY)
            assert await made.wanted("one") == []
            there.clock.now += 100.0
            granted = desk.permit("one", 10, 0, there.clock.now, deadline_s=30.0, at=A)
            desk.settled(granted, answered(), there.clock.now, chance=0.5, stamp="")  # type: ignore[arg-type]
            (again,) = await made.wanted("one")
            assert again.url == A
            await made.found(again.number, findings(A, parallel=2))
            assert desk.most_in_flight == 3 + 2

    asyncio.run(deed())


@pytest.mark.parametrize(("parallel", "most"), [(None, 64), (1, 2), (4, 5), (8, 64)])
def test_a_local_lane_is_given_what_it_gets_done(tmp_path: Path, parallel: int | None, most: int) -> None:
    """And one more, so that the next call is there when one ends; where more was not tried, what the user says counts."""

    async def deed() -> None:
        async with permitting(tmp_path, [lane("local", A)]) as there:
            made = inspections(there)
            (given,) = await made.wanted("one")
            assert given.most_at_once == 8
            await made.found(given.number, findings(parallel=parallel))
            assert there.lanes["local"].most_in_flight == most

    asyncio.run(deed())
