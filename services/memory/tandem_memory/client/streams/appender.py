"""Appending one after the other over one stream, each durable before the next, for about three quarters of what as many calls cost.

For who has to know of each that it is kept; who only wants all of it kept in the end is faster with a `writer`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from tandem.memory.v1.memory_pb2 import AppendRequest, AppendResponse

from tandem_memory.client import answers, requests
from tandem_memory.client.answers import Appended
from tandem_memory.client.errors import counted_from
from tandem_memory.client.link import AsyncLink, Link, Terms
from tandem_memory.client.streams.streamed import AsyncStreamed, AsyncWays, Streamed, Ways
from tandem_memory.record import Record


def append(ask: Callable[[AppendRequest], AppendResponse], namespace: str, records: Iterable[Record]) -> Sequence[Appended]:
    """Ask for all of `records` to be taken in, in as many requests as they need."""
    appended: list[Appended] = []
    for request in requests.appends(namespace, records):
        with counted_from(len(appended)):
            appended += answers.appended(ask(request))
    return appended


async def append_async(
    ask: Callable[[AppendRequest], Awaitable[AppendResponse]], namespace: str, records: Iterable[Record]
) -> Sequence[Appended]:
    """The same in an event loop."""
    appended: list[Appended] = []
    for request in requests.appends(namespace, records):
        with counted_from(len(appended)):
            appended += answers.appended(await ask(request))
    return appended


class Appender(Streamed[AppendRequest, AppendResponse]):
    """Use it in a `with` block. Threads may share it, and then wait for each other; better give each its own."""

    def __init__(self, link: Link, terms: Terms) -> None:
        super().__init__(link, terms, Ways(stream=link.stub.AppendStream, parsed=AppendResponse.FromString, call=link.stub.Append))

    def append(self, records: Iterable[Record]) -> Sequence[Appended]:
        """As `Memory.append`."""
        return append(self._ask, self._terms.namespace, records)


class AsyncAppender(AsyncStreamed[AppendRequest, AppendResponse]):
    """The same in an event loop; use it in an `async with` block. Tasks may share it, and then wait for each other."""

    def __init__(self, link: AsyncLink, terms: Terms) -> None:
        super().__init__(link, terms, AsyncWays(stream=link.stub.AppendStream, call=link.stub.Append))

    async def append(self, records: Iterable[Record]) -> Sequence[Appended]:
        """As `Memory.append`."""
        return await append_async(self._ask, self._terms.namespace, records)
