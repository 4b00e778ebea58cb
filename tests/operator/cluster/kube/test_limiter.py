"""How fast requests go out."""

import asyncio

from tandem_operator.cluster.kube.limiter import Limiter

from tests.operator.cluster.clients import in_virtual_time


def test_a_burst_then_a_steady_rate() -> None:
    """As many at once as the burst allows, then one each 1/qps."""

    async def times() -> list[float]:
        loop, limiter = asyncio.get_running_loop(), Limiter(10, 3)
        found: list[float] = []
        for _ in range(6):
            await limiter.wait()
            found.append(round(loop.time(), 6))
        return found

    assert in_virtual_time(times()) == [0, 0, 0, 0.1, 0.2, 0.3]


def test_a_rest_fills_the_bucket_and_no_more() -> None:
    """After a long rest there is one burst again, not two."""

    async def times() -> list[float]:
        loop, limiter = asyncio.get_running_loop(), Limiter(10, 2)
        await limiter.wait()
        await asyncio.sleep(100)
        began = loop.time()
        found: list[float] = []
        for _ in range(4):
            await limiter.wait()
            found.append(round(loop.time() - began, 6))
        return found

    assert in_virtual_time(times()) == [0, 0, 0.1, 0.2]


def test_first_come_first_served() -> None:
    """Those who wait go out in the order in which they came."""

    async def order() -> list[int]:
        limiter = Limiter(10, 1)
        went: list[int] = []

        async def one(number: int) -> None:
            await limiter.wait()
            went.append(number)

        await asyncio.gather(*(one(number) for number in range(8)))
        return went

    assert in_virtual_time(order()) == list(range(8))


def test_whoever_gives_up_takes_no_turn() -> None:
    """A caller that is cancelled while it waits holds nobody up."""

    async def waited() -> float:
        loop, limiter = asyncio.get_running_loop(), Limiter(1, 1)
        await limiter.wait()
        gives_up = asyncio.ensure_future(limiter.wait())
        await asyncio.sleep(0.5)
        gives_up.cancel()
        await limiter.wait()
        return round(loop.time(), 6)

    assert in_virtual_time(waited()) == 1
