"""Several requests at the same time, of which none is left to itself when another fails."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


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
