"""Turns of the event loop."""

import asyncio


async def idle() -> None:
    """Let everything happen that can."""
    await turn(50)


async def turn(times: int) -> None:
    """Let the loop turn so many times."""
    for _ in range(times):
        await asyncio.sleep(0)
