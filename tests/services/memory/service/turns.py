"""Turns of the event loop."""

import asyncio


async def idle() -> None:
    """Let everything happen that can."""
    for _ in range(50):
        await asyncio.sleep(0)
