"""Several things at the same time or in turn, of which none is left to itself, or left out, when another fails or is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)
_AGAIN_S: Final = 1.0


async def all_over(*awaited: Awaitable[T]) -> list[T]:
    """What each has brought, once all of them are over; if any has failed, what the first of them raised.

    `asyncio.gather` by itself raises at the first failure and lets the others run on, unseen, into the next look at the same run.
    """
    brought = await asyncio.gather(*awaited, return_exceptions=True)
    results: list[T] = []
    for each in brought:
        if isinstance(each, BaseException):
            raise each
        results.append(each)
    return results


async def in_turn(*steps: Callable[[], Awaitable[object]]) -> None:
    """Take each step when the one before is over, though that failed; if any has failed, what the first raised. The others are logged."""
    failed: list[Exception] = []
    for step in steps:
        try:
            await step()
        except Exception as error:  # noqa: BLE001 - raised below
            failed.append(error)
    for other in failed[1:]:
        _log.warning("also: %s", other)
    if failed:
        raise failed[0]


async def first_over(*awaited: Awaitable[object]) -> None:
    """Until one of them is over; the others are cancelled, and whatever fell is raised.

    They are cancelled until they are: whoever waits with `asyncio.wait_for`, our libraries among them, misses being cancelled at the very
    moment at which the wait is over, and a process that waited for that would neither act nor leave.
    """
    tasks = [asyncio.ensure_future(each) for each in awaited]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        while left := [task for task in tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=_AGAIN_S)
    for task in done:
        if not task.cancelled():
            task.result()
