"""Every change of a namespace, once and in order, whatever happens to the connection or the service meanwhile.

The cursor is all that has to be remembered: each answer of the service brings the one to go on from, and it is taken over before
the changes are handed out. A cursor that was kept may begin a later watch, in another process, too.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client import answers
from tandem_memory.client.answers import News
from tandem_memory.client.errors import MemoryServiceError, ended
from tandem_memory.client.link import AsyncLink, Link, Terms, said_well

if TYPE_CHECKING:
    import grpc
    from grpc import aio

_log = logging.getLogger(__name__)


class Watch:
    """News of a namespace, for a thread that waits for it: iterate. Another thread ends it by `close`."""

    def __init__(self, link: Link, terms: Terms, request: wire.WatchRequest) -> None:
        self._link, self._terms, self._request = link, terms, request
        self._call: grpc.Call | None = None
        self._said: Iterator[wire.WatchResponse] = iter(())
        self._closed = False

    @property
    def cursor(self) -> str:
        """What to go on from after the news that was handed out last."""
        return self._request.cursor

    def __iter__(self) -> Iterator[News]:
        """News as it comes.

        Raises:
            CursorTooOldError: when it would go on from where the service has forgotten what came since: begin another without a cursor.
            MemoryServiceError: when the service refuses, or cannot be reached for longer than patience lasts.
        """
        while not self._closed:
            response = self._next() if self._call else self._first()
            if response is not None:
                _go_on(self._request, response.cursor)
                yield answers.news(response)

    def close(self) -> None:
        """Watch no more; the iteration ends, and while nobody answers with the next try, which is a second off at most."""
        self._closed = True
        if self._call:
            self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _first(self) -> wire.WatchResponse | None:
        """Listen from the cursor on, and wait for the first that is said; None when this was closed meanwhile."""
        for attempt in self._terms.tries():
            with attempt:
                return self._begun()
        raise AssertionError  # stamina raises the last error itself

    def _begun(self) -> wire.WatchResponse | None:
        if self._closed:  # while nobody answered, and trying again is endless
            return None
        with said_well(self._link.address):
            self._call = self._said = call = self._link.stub.Watch(self._request)
        if self._closed:  # meanwhile
            call.cancel()
        return self._heard()

    def _next(self) -> wire.WatchResponse | None:
        """What is said next; None when the connection broke, or this was closed."""
        try:
            return self._heard()
        except MemoryServiceError as error:
            self._call = None
            _bear(error)
            return None

    def _heard(self) -> wire.WatchResponse | None:
        try:
            response = self._link.heard(self._said)
        except MemoryServiceError:
            if self._closed:
                return None
            raise
        if response is None and not self._closed:
            raise ended(self._link.address)
        return response


class AsyncWatch:
    """The same in an event loop; iterate with `async for`, end it by `close`, or cancel the task that iterates."""

    def __init__(self, link: AsyncLink, terms: Terms, request: wire.WatchRequest) -> None:
        self._link, self._terms, self._request = link, terms, request
        self._call: aio.UnaryStreamCall[wire.WatchRequest, wire.WatchResponse] | None = None
        self._said: AsyncIterator[wire.WatchResponse]
        self._closed = False

    @property
    def cursor(self) -> str:
        """As `Watch.cursor`."""
        return self._request.cursor

    async def __aiter__(self) -> AsyncIterator[News]:
        """News as it comes; raises as `Watch` does."""
        while not self._closed:
            response = await (self._next() if self._call else self._first())
            if response is not None:
                _go_on(self._request, response.cursor)
                yield answers.news(response)

    async def close(self) -> None:
        """Watch no more; the iteration ends, as that of `Watch` does."""
        self._closed = True
        if self._call:
            self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _first(self) -> wire.WatchResponse | None:
        async for attempt in self._terms.tries_async():
            with attempt:
                return await self._begun()
        raise AssertionError  # stamina raises the last error itself

    async def _begun(self) -> wire.WatchResponse | None:
        if self._closed:
            return None
        with said_well(self._link.address):
            self._call = call = self._link.stub.Watch(self._request)
        self._said = aiter(call)
        return await self._heard()

    async def _next(self) -> wire.WatchResponse | None:
        try:
            return await self._heard()
        except MemoryServiceError as error:
            self._call = None
            _bear(error)
            return None

    async def _heard(self) -> wire.WatchResponse | None:
        try:
            response = await self._link.heard(self._said)
        except MemoryServiceError:
            if self._closed:
                return None
            raise
        if response is None and not self._closed:
            raise ended(self._link.address)
        return response


def request(
    namespace: str, cursor: str, where: wire.Filter, *, only_new: bool, with_vectors: bool, skip_damaged: bool
) -> wire.WatchRequest:
    """A watch from `cursor` on."""
    asked = wire.WatchRequest(namespace=namespace, cursor=cursor, only_new=only_new, filter=where)
    asked.with_vectors, asked.skip_damaged = with_vectors, skip_damaged
    return asked


def _go_on(request: wire.WatchRequest, cursor: str) -> None:
    """From now on watch from there. Whoever wants what is new alone was told its place by that; where nothing was there yet, all is new."""
    request.cursor, request.only_new = cursor, False


def _bear(error: MemoryServiceError) -> None:
    """Go on after a break that passes, with a word about it; raise any other."""
    if not error.passing:
        raise error
    _log.warning("%s; watching again once it answers", error)
