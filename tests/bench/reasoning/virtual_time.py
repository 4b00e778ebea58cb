"""An event loop whose clock jumps: when everybody sleeps, it is the time at which the first wakes. An hour takes as long as its work.

The order of things is asyncio's own, so code that waits with `asyncio.sleep`, `wait` and `timeout` runs as it is. Sockets and threads do
not: nothing here may wait for anything but time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Given = TypeVar("Given")


def run(work: Coroutine[Any, Any, Given]) -> Given:
    """What `work` gives; its clock, `asyncio.get_running_loop().time()`, begins at 0."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


class _Clock(selectors.DefaultSelector):
    """Whatever the loop wants to wait for has come."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits and nobody sleeps"
        self.now += timeout
        return super().select(0)
