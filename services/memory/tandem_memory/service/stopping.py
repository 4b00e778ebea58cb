"""The end of the service, of which whoever only waits is told at once, and whoever works is not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

_T = TypeVar("_T")


class StoppingError(Exception):
    """The service stops, and what was waited for does not come."""


class Stopping:
    """Used on one event loop."""

    def __init__(self) -> None:
        self._begun = False
        self._waiting: set[asyncio.Task[Any]] = set()

    def begin(self) -> None:
        """The service stops now."""
        self._begun = True
        for task in self._waiting:
            task.cancel()

    async def before(self, coming: Callable[[], Awaitable[_T]]) -> _T:
        """What `coming` brings, if it comes before the end.

        Raises:
            StoppingError: when the end came first.
        """
        task = asyncio.current_task()
        if self._begun or task is None:
            raise StoppingError
        self._waiting.add(task)
        try:
            return await coming()
        except asyncio.CancelledError:
            if not self._begun:
                raise  # the caller left
            task.uncancel()
            raise StoppingError from None
        finally:
            self._waiting.discard(task)
