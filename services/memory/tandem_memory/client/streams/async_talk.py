"""As `talk`, in an event loop: a task in place of the thread."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tandem_memory.client.errors import MemoryServiceError, ended, in_all
from tandem_memory.client.link import AsyncLink, Terms, said_well
from tandem_memory.client.requests import Sized
from tandem_memory.client.streams.line import Line
from tandem_memory.client.streams.talk import silent

if TYPE_CHECKING:
    from grpc import aio

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class AsyncTalk(Generic[Sized, Request, Answer]):
    """Items go in; `told` hears of each request's items and their answer, in order, and must not block."""

    def __init__(
        self,
        link: AsyncLink,
        terms: Terms,
        method: "aio.StreamStreamMultiCallable[Request, Answer]",
        line: Line[Sized, Request],
        told: Callable[[Sequence[Sized], Answer], None],
    ) -> None:
        self._link, self._terms, self._method, self._line, self._told = link, terms, method, line, told
        self._changed = asyncio.Condition()
        self._stream = 0
        self._failed: Exception | None = None
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: Sized) -> None:
        """Have an item sent; waits while as much is unanswered as may be under way. Raises as `Talk.put` does."""
        self._task = self._task or asyncio.create_task(self._speak())
        async with self._changed:
            await self._wait(lambda: not self._line.full)
            self._line.put(item)
            self._changed.notify_all()

    async def flush(self) -> None:
        """Wait until everything that was put is answered. Raises as `Talk.flush` does."""
        async with self._changed:
            await self._wait(lambda: not len(self._line))

    async def close(self) -> None:
        """Say nothing more; what is not answered stays unanswered."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _wait(self, until: Callable[[], bool]) -> None:
        while not (self._failed or until()):
            try:
                async with asyncio.timeout(self._terms.silence_s):
                    await self._changed.wait_for(partial(self._moved, self._line.answers, until))
            except TimeoutError:
                raise silent(self._link.address, len(self._line), self._terms) from None
        if self._failed:
            raise self._failed

    def _moved(self, answers: int, until: Callable[[], bool]) -> bool:
        return self._failed is not None or self._line.answers > answers or until()

    async def _speak(self) -> None:
        try:
            while not self._failed:
                async with self._changed:
                    await self._changed.wait_for(lambda: len(self._line))
                await self._tried()
        except Exception as error:  # noqa: BLE001 - raised where the next item is put, or all are waited for
            await self._fail(error)

    async def _fail(self, error: Exception) -> None:
        async with self._changed:
            self._failed = error
            self._changed.notify_all()

    async def _tried(self) -> None:
        async for attempt in self._terms.tries_async():
            with attempt:
                await self._listen()

    async def _listen(self) -> None:
        heard = False
        try:
            with said_well(self._link.address):
                said = aiter(self._method(self._requests(await self._begun())))
            while not self._failed and (answer := await self._link.heard(said)) is not None:
                heard = True
                await self._hear(answer)
            if not heard and len(self._line):
                raise ended(self._link.address)
        except MemoryServiceError as error:
            if not (error.passing and heard):
                raise in_all(error, self._line.answered_items) from error

    async def _begun(self) -> int:
        async with self._changed:
            self._stream += 1
            self._line.begin()
            self._changed.notify_all()
            return self._stream

    async def _requests(self, stream: int) -> AsyncIterator[Request]:
        while (request := await self._taken(stream)) is not None:
            yield request

    async def _taken(self, stream: int) -> Request | None:
        async with self._changed:
            while stream == self._stream and not self._failed:
                if (request := self._line.take()) is not None:
                    return request
                await self._changed.wait()
        return None

    async def _hear(self, answer: Answer) -> None:
        try:
            self._told(self._line.oldest(), answer)
        except Exception as error:  # noqa: BLE001 - as in `Talk._hear`
            await self._fail(error)
            return
        async with self._changed:
            self._line.answered()
            self._changed.notify_all()
