"""Appending one after the other over one stream, each durable before the next: half of what as many calls cost both sides.

For who has to know of each that it is kept; who only wants all of it kept in the end is faster with a `writer`.
"""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from tandem.memory.v1.memory_pb2 import AppendResponse

from tandem_memory.client import answers, requests
from tandem_memory.client.answers import Appended
from tandem_memory.client.errors import counted_from
from tandem_memory.client.link import AsyncLink, Link, Terms
from tandem_memory.client.streamed import AsyncStreamed, AsyncWays, Streamed, Ways
from tandem_memory.record import Record


class Appender:
    """Use it in a `with` block. Threads may share it, and then wait for each other; better give each its own."""

    def __init__(self, link: Link, terms: Terms) -> None:
        self._terms = terms
        self._streamed = Streamed(link, terms, Ways(stream=link.stub.AppendStream, parsed=AppendResponse.FromString, call=link.stub.Append))

    def append(self, records: Iterable[Record]) -> Sequence[Appended]:
        """As `Memory.append`."""
        appended: list[Appended] = []
        for request in requests.appends(self._terms.namespace, records):
            with counted_from(len(appended)):
                appended += answers.appended(self._streamed.ask(request))
        return appended

    def close(self) -> None:
        """End the stream; an append after this begins another."""
        self._streamed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncAppender:
    """The same in an event loop; use it in an `async with` block. Tasks may share it, and then wait for each other."""

    def __init__(self, link: AsyncLink, terms: Terms) -> None:
        self._terms = terms
        self._streamed = AsyncStreamed(link, terms, AsyncWays(stream=link.stub.AppendStream, call=link.stub.Append))

    async def append(self, records: Iterable[Record]) -> Sequence[Appended]:
        """As `Memory.append`."""
        appended: list[Appended] = []
        for request in requests.appends(self._terms.namespace, records):
            with counted_from(len(appended)):
                appended += answers.appended(await self._streamed.ask(request))
        return appended

    async def close(self) -> None:
        """End the stream; an append after this begins another."""
        await self._streamed.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()
