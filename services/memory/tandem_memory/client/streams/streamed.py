"""Asking one thing after the other over one stream, which costs both sides less than a call for each.

The stream is only the faster way. Whatever goes wrong with it, the same is asked again as a call, which knows how to wait, to try
again and what to say; the next request begins a new stream.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar, cast

from google.protobuf.message import Message

from tandem_memory.client.errors import MemoryServiceError, TooLateError
from tandem_memory.client.link import AsyncLink, Link, Terms, said_well

if TYPE_CHECKING:
    import grpc
    from grpc import aio
    from tandem_rpc import Turns

_LIVES = 2  # deadlines: a stream that is older than one is replaced, so that every request is answered, or given up, within the other

Q = TypeVar("Q", bound=Message)
A = TypeVar("A")
S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways(Generic[Q, A]):
    """How the same is asked: over a stream, whose answers `parsed` makes of bytes, or by a call."""

    stream: "grpc.StreamStreamMultiCallable[Q, A]"
    parsed: Callable[[bytes], A]
    call: "grpc.UnaryUnaryMultiCallable[Q, A]"


class _Young(Generic[S]):
    """A stream that is begun when it is needed, and again once it is old."""

    def __init__(self, deadline_s: float, begin: Callable[[float], S], end: Callable[[S], object]) -> None:
        self._deadline_s, self._begin, self._end = deadline_s, begin, end
        self._stream: S | None = None
        self._since = 0.0

    def begun(self) -> S:
        if time.monotonic() - self._since > self._deadline_s:
            self.drop()
        if self._stream is None:
            self._since = time.monotonic()
            self._stream = self._begin(_LIVES * self._deadline_s)
        return self._stream

    def drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            self._end(stream)


class Streamed(Generic[Q, A]):
    """Use it in a `with` block. Threads may share it, and then wait for each other; better give each its own."""

    def __init__(self, link: Link, terms: Terms, ways: Ways[Q, A]) -> None:
        self._link, self._terms, self._ways = link, terms, ways
        self._lock = threading.Lock()
        self._stream = _Young(terms.deadline_s, self._begin, lambda stream: stream.end())

    def _ask(self, request: Q) -> A:
        """The answer.

        Raises:
            MemoryServiceError: when there is none.
        """
        with self._lock:
            answer = self._streamed(request)
        return self._link.ask(self._terms, self._ways.call, request) if answer is None else answer

    def close(self) -> None:
        """End the stream; a request after this begins another."""
        with self._lock:
            self._stream.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _streamed(self, request: Q) -> A | None:
        """The answer over the stream; None when it has to be asked for otherwise.

        Raises:
            TooLateError: when it does not come.
        """
        stream, answer = self._stream.begun(), None
        try:
            with said_well(self._link.address):
                answer = stream.ask(request)
        except TooLateError:
            raise
        except MemoryServiceError:
            return None
        finally:
            if answer is None:
                self._stream.drop()
        return answer

    def _begin(self, timeout_s: float) -> "Turns[Q, A]":
        from tandem_rpc import Turns

        return Turns(self._ways.stream, self._ways.parsed, timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncWays(Generic[Q, A]):
    """As `Ways`, in an event loop."""

    stream: "aio.StreamStreamMultiCallable[Q, A]"
    call: "aio.UnaryUnaryMultiCallable[Q, A]"


class AsyncStreamed(Generic[Q, A]):
    """The same in an event loop; use it in an `async with` block. Tasks may share it, and then wait for each other."""

    def __init__(self, link: AsyncLink, terms: Terms, ways: AsyncWays[Q, A]) -> None:
        from asyncio import Lock

        self._link, self._terms, self._ways = link, terms, ways
        self._lock = Lock()
        self._stream = _Young(terms.deadline_s, lambda timeout_s: ways.stream(timeout=timeout_s), lambda stream: stream.cancel())

    async def _ask(self, request: Q) -> A:
        """As `Streamed._ask`."""
        async with self._lock:
            answer = await self._streamed(request)
        return await self._link.ask(self._terms, self._ways.call, request) if answer is None else answer

    async def close(self) -> None:
        """End the stream; a request after this begins another."""
        async with self._lock:
            self._stream.drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _streamed(self, request: Q) -> A | None:
        """As `Streamed._streamed`."""
        from asyncio import InvalidStateError

        from grpc import aio

        stream, answer = self._stream.begun(), None
        try:
            with said_well(self._link.address):
                await stream.write(request)
                read = await stream.read()
            answer = None if read is aio.EOF else cast("A", read)
        except TooLateError:
            raise
        except (MemoryServiceError, InvalidStateError):  # the second is gRPC's for a stream that has ended
            return None
        finally:
            if answer is None:  # also when whoever asked waits no longer: the next one must not be given the answer
                self._stream.drop()
        return answer
