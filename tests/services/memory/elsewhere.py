"""A backend in a process of its own, which is killed where another would be closed."""

import asyncio
import contextlib
import itertools
import multiprocessing
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from tandem_memory.backend import Backend

from tests.services.memory.driven import Clock

Opened: TypeAlias = Callable[[Clock], Backend]
"""Opens the backend, in the other process: a function of a module, with what it is given beside the clock."""

# Forked from a process without threads, in which all is imported already.
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload([__name__])


class Elsewhere:
    """Has calls made in the other process, one at a time."""

    def __init__(self, opened: Opened, *, now: Clock) -> None:
        self._now = now
        self._here, there = FRESH.Pipe()
        self._process = FRESH.Process(target=serve, args=(there, opened), daemon=True)
        self._process.start()
        there.close()
        self._asking, self._line = asyncio.Lock(), threading.Lock()

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method in {"watch", "export"}:
            return lambda *arguments, **named: self._stream(self._ask("begin", method, *arguments, **named))

        async def call(*arguments: Any, **named: Any) -> Any:
            async with self._asking:
                return await asyncio.to_thread(self._ask, method, *arguments, **named)

        return call

    async def _stream(self, number: int) -> AsyncIterator[Any]:
        while True:
            async with self._asking:
                part = await asyncio.to_thread(self._ask, "next", number)
            if part is None:
                return
            yield part

    async def close(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.join()
        self._here.close()

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        with self._line:  # a call that is given up still has its thread on the line
            self._here.send((self._now.now, method, arguments, named))
            answer = self._here.recv()
        if isinstance(answer, Raised):
            raise answer.again()
        return answer


@dataclass(frozen=True, slots=True)
class Raised:
    """An error, as it travels: those with arguments of their own cannot be pickled."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]

    def again(self) -> Exception:
        error = self.kind.__new__(self.kind, *self.arguments)
        error.__dict__.update(self.attributes)
        return error


class Clerk:
    """Answers in the other process."""

    def __init__(self, opened: Opened) -> None:
        self.clock = Clock()
        self._backend = opened(self.clock)
        self._streams: dict[int, AsyncIterator[Any]] = {}
        self._numbers = itertools.count()

    async def answer(self, method: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if method == "begin":
            number = next(self._numbers)
            self._streams[number] = getattr(self._backend, arguments[0])(*arguments[1:], **named)
            return number
        if method == "next":
            return await anext(self._streams[arguments[0]], None)
        return await getattr(self._backend, method)(*arguments, **named)


def serve(asked: Connection, opened: Opened) -> None:
    """Answer until nobody asks any more."""
    clerk = Clerk(opened)
    with asyncio.Runner() as runner, contextlib.suppress(EOFError):
        while True:
            clerk.clock.now, method, arguments, named = asked.recv()
            try:
                asked.send(runner.run(clerk.answer(method, arguments, named)))
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                asked.send(Raised(type(error), error.args, error.__dict__))
