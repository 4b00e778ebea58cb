"""The operator's own client in the hands of a test, and a loop whose time costs none."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from tandem_operator.cluster.kube.client import Kube, configuration
from tandem_operator.cluster.kube.limiter import Limiter

_PAUSE_S = 0.02
_PATIENCE_S = 300  # what takes seconds on an idle machine
_TICK_S = 1e-9  # no clock stands still, and those who wait for a moment that is a rounding error away count on it
_T = TypeVar("_T")


@asynccontextmanager
async def client(
    kubeconfig: Path, *, failed: Callable[[int], None] = lambda _: None, may_write: Callable[[], float | None] = lambda: None
) -> AsyncGenerator[Kube]:
    """A client that is never slowed down."""
    kube = Kube(await configuration({"KUBECONFIG": str(kubeconfig)}), Limiter(10_000, 10_000), failed, may_write)
    try:
        yield kube
    finally:
        await kube.close()


async def until(what: str, found: Callable[[], _T]) -> _T:
    """The value of `found` once it is one.

    Raises:
        AssertionError: If that takes too long.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_S
    while not (value := found()):
        assert loop.time() < deadline, f"gave up waiting for {what}"
        await asyncio.sleep(_PAUSE_S)
    return value


class _Virtual(asyncio.SelectorEventLoop):
    """Sleeps as long as it is told, in no time: whenever nothing is left to do, the clock is put forward to what comes next."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = 0.0

    def time(self) -> float:
        return self._shown

    def _run_once(self) -> None:
        ours: Any = self
        if not ours._ready and ours._scheduled:
            self._shown = max(self._shown, ours._scheduled[0].when()) + _TICK_S
        super()._run_once()  # type: ignore[misc]


def in_virtual_time(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine returns that waits for nothing but time."""
    with asyncio.Runner(loop_factory=_Virtual) as runner:
        return runner.run(coroutine)
