"""What becomes of questions when servers go and come back, one of several or all of them."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from tandem_reasoning.ledger import State

from tests.services.reasoning.coordination import coordinating, items, job, questions, saying, work
from tests.services.reasoning.lanes.wire_server import Played, playing

PATIENCE_S = 240
VOTE = {"policy": "Local"}


async def there(stack: AsyncExitStack, answer: str, url: str = "") -> Played:
    """A server; in the place of another one, if its url is given. It is gone when the stack is closed."""
    port = int(url.rpartition(":")[2].removesuffix("/v1")) if url else 0
    played = await stack.enter_async_context(playing(port=port))
    played.answer = saying(f"Answer: {answer}")
    return played


def lanes_of(folder: Path) -> Counter[str]:
    found = items(folder / "ledger.sqlite")
    assert {item.state for item in found} == {State.DONE}
    return Counter(item.outcome.lane for item in found if item.outcome)


def test_a_lane_that_dies_while_it_is_asked(tmp_path: Path) -> None:
    """The other one carries on with what was under way and with all else; nothing fails, and nothing waits for the dead."""

    async def deed() -> None:
        async with AsyncExitStack() as first, AsyncExitStack() as second:
            local, cloud = await there(first, "so"), await there(second, "so")
            told = job({"local": [local.url], "cloud": [cloud.url]}, routing=VOTE, hedge=False)
            async with coordinating(tmp_path, told, questions(60)) as coordinator:
                working = asyncio.create_task(work(coordinator.address, "one"))
                await local.until(lambda: len(local.asked) > 30)
                await first.aclose()
                await working
                assert (coordinator.status.done, coordinator.status.failed) == (60, 0)
                assert coordinator.status.lanes[0].state == "Open"

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    by_lane = lanes_of(tmp_path)
    assert by_lane["cloud"] >= 30
    assert by_lane["local"] >= 1


def test_all_lanes_that_die_and_come_back(tmp_path: Path) -> None:
    """The run waits with its questions, and finishes once there is somebody to ask."""

    async def deed() -> None:
        async with AsyncExitStack() as first, AsyncExitStack() as second:
            local, cloud = await there(first, "so"), await there(first, "so")
            told = job({"local": [local.url], "cloud": [cloud.url]}, routing=VOTE, hedge=False)
            async with coordinating(tmp_path, told, questions(40)) as coordinator:
                working = asyncio.create_task(work(coordinator.address, "one"))
                await local.until(lambda: len(local.asked) > 20)
                await first.aclose()
                while {lane.state for lane in coordinator.status.lanes} != {"Open"}:  # noqa: ASYNC110 - nothing says so but the status
                    await asyncio.sleep(0.05)
                done = coordinator.status.done
                assert done < 40
                await there(second, "so", local.url)
                await there(second, "so", cloud.url)
                await working
                assert (coordinator.status.done, coordinator.status.failed) == (40, 0)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert lanes_of(tmp_path).total() == 40


def test_one_of_several_servers_that_dies_and_comes_back(tmp_path: Path) -> None:
    """The others do its work, and it does its part again when it is well: calls are spread evenly over those that are."""

    async def deed() -> None:
        async with AsyncExitStack() as lasting, AsyncExitStack() as passing:
            one, two, gone = await there(lasting, "so"), await there(lasting, "so"), await there(passing, "so")
            told = job({"local": [one.url, two.url, gone.url]}, routing=VOTE, hedge=False)
            async with coordinating(tmp_path, told, questions(5000)) as coordinator:
                stop = asyncio.Event()
                working = asyncio.create_task(work(coordinator.address, "one", stop))
                await one.until(lambda: len(one.asked) > 40)
                shares = [len(each.asked) for each in (one, two, gone)]
                assert min(shares) > 0.7 * max(shares)
                await passing.aclose()
                await one.until(lambda: len(one.asked) > 80)
                assert coordinator.status.lanes[0].state == "Ready"
                back = await there(lasting, "so", gone.url)
                await back.until(lambda: len(back.asked) > 20)
                stop.set()
                await working
                assert coordinator.status.failed == 0

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
