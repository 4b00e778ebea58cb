"""Searching one after the other over one stream: a search there costs both sides about half of what a call of its own does.

The stream is only the faster way. Whatever goes wrong with it, the search is made again as a call, which knows how to wait, to try
again and what to say; the next one begins a new stream.
"""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tandem.memory.v1.memory_pb2 import SearchRequest, SearchResponse

from tandem_memory.client import answers, requests
from tandem_memory.client.answers import Hit
from tandem_memory.client.errors import MemoryServiceError, TooLateError
from tandem_memory.client.filter import EVERYTHING, Filter
from tandem_memory.client.link import AsyncLink, Link, Terms, said_well
from tandem_memory.client.requests import Query

if TYPE_CHECKING:
    from grpc import aio
    from tandem_rpc import Turns

_LIVES = 2  # deadlines: a stream that is older than one is replaced, so that every search is answered, or given up, within the other


class Searcher:
    """Use it in a `with` block. Threads may share it, and then wait for each other; better give each its own."""

    def __init__(self, link: Link, terms: Terms) -> None:
        self._link, self._terms = link, terms
        self._lock = threading.Lock()
        self._stream: Turns[SearchRequest, SearchResponse] | None = None
        self._since = 0.0

    def search(self, query: Query, k: int = 10, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Sequence[Hit]:
        """As `Memory.search`."""
        request = requests.search(self._terms.namespace, [requests.query(query)], k, where, with_vectors=with_vectors)
        with self._lock:
            response = self._streamed(request)
        if response is None:
            response = self._link.ask(self._terms, self._link.stub.Search, request)
        return answers.hits(response.found[0], self._link.address)

    def close(self) -> None:
        """End the stream; a search after this begins another."""
        with self._lock:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _streamed(self, request: SearchRequest) -> SearchResponse | None:
        """The answer over the stream; None when it has to be asked for otherwise.

        Raises:
            TooLateError: when it does not come.
        """
        stream, answered = self._begun(), False
        try:
            with said_well(self._link.address):
                response = stream.ask(request)
            answered = response is not None
        except TooLateError:
            raise
        except MemoryServiceError:
            return None
        finally:
            if not answered:
                self._drop()
        return response

    def _begun(self) -> "Turns[SearchRequest, SearchResponse]":
        if time.monotonic() - self._since > self._terms.deadline_s:
            self._drop()
        if self._stream is None:
            from tandem_rpc import Turns

            self._since = time.monotonic()
            self._stream = Turns(self._link.stub.SearchStream, SearchResponse.FromString, _LIVES * self._terms.deadline_s)
        return self._stream

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.end()


class AsyncSearcher:
    """The same in an event loop; use it in an `async with` block. Tasks may share it, and then wait for each other."""

    def __init__(self, link: AsyncLink, terms: Terms) -> None:
        from asyncio import Lock

        self._link, self._terms = link, terms
        self._lock = Lock()
        self._stream: aio.StreamStreamCall[SearchRequest, SearchResponse] | None = None
        self._since = 0.0

    async def search(self, query: Query, k: int = 10, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Sequence[Hit]:
        """As `Memory.search`."""
        request = requests.search(self._terms.namespace, [requests.query(query)], k, where, with_vectors=with_vectors)
        async with self._lock:
            response = await self._streamed(request)
        if response is None:
            response = await self._link.ask(self._terms, self._link.stub.Search, request)
        return answers.hits(response.found[0], self._link.address)

    async def close(self) -> None:
        """End the stream; a search after this begins another."""
        async with self._lock:
            self._drop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _streamed(self, request: SearchRequest) -> SearchResponse | None:
        """As `Searcher._streamed`."""
        from asyncio import InvalidStateError

        stream, answered = self._begun(), False
        try:
            with said_well(self._link.address):
                await stream.write(request)
                response = await stream.read()
            answered = isinstance(response, SearchResponse)
        except TooLateError:
            raise
        except (MemoryServiceError, InvalidStateError):  # the second is gRPC's for a stream that has ended
            return None
        finally:
            if not answered:  # also when whoever asked waits no longer: the next one must not be given the answer
                self._drop()
        return response if isinstance(response, SearchResponse) else None

    def _begun(self) -> "aio.StreamStreamCall[SearchRequest, SearchResponse]":
        if time.monotonic() - self._since > self._terms.deadline_s:
            self._drop()
        if self._stream is None:
            self._since = time.monotonic()
            self._stream = self._link.stub.SearchStream(timeout=_LIVES * self._terms.deadline_s)
        return self._stream

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
