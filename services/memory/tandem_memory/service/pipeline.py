"""Many requests of one stream under way at once, answered in their order.

What is under way is bounded in number and in bytes: a stream that is not read is not listened to either. A request that is
refused ends the stream with its status, after the answers to all before it; what came behind it may or may not have been done.
A request that comes while nothing is under way is worked on by who waits for its answer: a caller who takes turns needs no task for each.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Generic, Protocol, Self, TypeVar

UNDER_WAY = 64  # twice what keeps a loop busy for a client that is a few milliseconds away
_UNDER_WAY_BYTES = 32 * 1024 * 1024


class Message(Protocol):
    """Anything of the wire."""

    def ByteSize(self) -> int:  # noqa: N802 - protobuf's name
        """How long it is on the wire."""
        ...


Q = TypeVar("Q", bound=Message)
A = TypeVar("A")


async def in_order(
    requests: AsyncIterator[Q],
    answer: Callable[[Q], Coroutine[Any, Any, A]],
    *,
    most: int = UNDER_WAY,
    most_bytes: int = _UNDER_WAY_BYTES,
) -> AsyncGenerator[A]:
    """The answers to `requests`, in their order; several are worked on at once.

    Args:
        requests: What is asked.
        answer: Works on one of them.
        most: So many at once.
        most_bytes: So many bytes of requests at once, and a single one whatever its size.
    """
    under_way = _UnderWay[A](most, most_bytes)

    async def read() -> None:
        try:
            async for request in requests:
                size = request.ByteSize()
                await under_way.room(size)
                under_way.begin(answer(request), size)
        finally:
            under_way.end()

    reading = asyncio.create_task(read())
    try:
        while (first := await under_way.first()) is not None:
            yield await first
            under_way.over()
        await reading  # raises what ended the requests, if anything did
    finally:
        reading.cancel()
        await asyncio.gather(reading, *under_way.dropped(), return_exceptions=True)


class Turn:
    """One request's: what is done in a `with` block before `come` is done beside others, and what comes after it begins in turn."""

    def __init__(self, before: asyncio.Event | None = None) -> None:
        self._before, self.over = before, asyncio.Event()

    async def come(self) -> None:
        """Return when the request before this one is through with its block: never, once one fails there, which ends the stream."""
        if self._before is not None:
            await self._before.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.over.set()


class Turns:
    """Those of the requests of one stream, which are worked on beside each other and keep the order that they came in."""

    def __init__(self) -> None:
        self._last: asyncio.Event | None = None

    def following(self) -> Turn:
        """The next request's."""
        turn = Turn(self._last)
        self._last = turn.over
        return turn


class _UnderWay(Generic[A]):
    """What is being worked on, oldest first. One task takes it in, another one the answers."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._works: deque[tuple[asyncio.Task[A] | Coroutine[Any, Any, A], int]] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def room(self, size: int) -> None:
        """Return when a request of `size` bytes may begin."""
        while self._works and (len(self._works) >= self._most or self._bytes + size > self._most_bytes):
            await self._change()

    def begin(self, work: Coroutine[Any, Any, A], size: int) -> None:
        """Take it in; it begins at once, or when its answer is waited for if there is none before it."""
        self._works.append((asyncio.create_task(work) if self._works else work, size))
        self._bytes += size
        self._changed.set()

    def end(self) -> None:
        """Nothing else will begin."""
        self._ended = True
        self._changed.set()

    async def first(self) -> "Awaitable[A] | None":
        """The oldest, also before it is done; None when there is none any more."""
        while not self._works:
            if self._ended:
                return None
            await self._change()
        return self._works[0][0]

    def over(self) -> None:
        """The oldest was answered."""
        self._bytes -= self._works.popleft()[1]
        self._changed.set()

    def dropped(self) -> list["asyncio.Task[A]"]:
        """All that is under way, told to end."""
        tasks = list[asyncio.Task[A]]()
        for work, _ in self._works:
            if isinstance(work, asyncio.Task):
                work.cancel()
                tasks.append(work)
            else:
                work.close()
        return tasks

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()
