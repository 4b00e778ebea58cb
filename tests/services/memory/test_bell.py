"""How often readers are woken: at once after a quiet time, together while much comes, and never too few times."""

import asyncio

from tandem_memory.backend.bell import Bell


async def _turns(count: int = 20) -> None:
    """Let everybody go on who can."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_rings_that_follow_each_other_wake_once() -> None:
    """The first at once, all that come within 5 ms as one, and what came last is never slept through."""

    async def scene() -> list[int]:
        loop, now_s, heard, rings = asyncio.get_running_loop(), 100.0, list[int](), 0
        loop.time = lambda: now_s
        bell = Bell()

        async def reader() -> None:
            while True:
                await bell.next().or_late(3600)
                heard.append(rings)

        reading = asyncio.create_task(reader())
        await _turns()
        for rings in range(1, 11):  # noqa: B007 - the reader reads it
            bell.ring()
            await _turns()
        now_s += 0.004
        await _turns()
        early = len(heard)
        now_s += 0.001
        await _turns()
        reading.cancel()
        return [early, *heard]

    assert asyncio.run(scene()) == [1, 1, 10]


def test_who_sleeps_is_woken_by_the_next_ring_or_by_time() -> None:
    """And sleeps not at all where the ring came before, or there is no time to sleep."""

    async def scene() -> None:
        bell = Bell()
        ring = bell.next()
        sleeping = asyncio.create_task(ring.or_late(3600))
        await _turns()
        assert not sleeping.done()
        bell.ring()
        await sleeping
        await ring.or_late(3600)
        await bell.next().or_late(0)
        await bell.next().or_late(-1)
        await bell.next().or_late(0.001)

    asyncio.run(scene())
