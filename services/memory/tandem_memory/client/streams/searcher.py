"""Searching one after the other over one stream: a search there costs both sides about half of what a call of its own does."""

from collections.abc import Sequence

from tandem.memory.v1.memory_pb2 import SearchRequest, SearchResponse

from tandem_memory.client import answers, requests
from tandem_memory.client.answers import Hit
from tandem_memory.client.filter import EVERYTHING, Filter
from tandem_memory.client.link import AsyncLink, Link, Terms
from tandem_memory.client.requests import Query
from tandem_memory.client.streams.streamed import AsyncStreamed, AsyncWays, Streamed, Ways


class Searcher(Streamed[SearchRequest, SearchResponse]):
    """Use it in a `with` block. Threads may share it, and then wait for each other; better give each its own."""

    def __init__(self, link: Link, terms: Terms) -> None:
        super().__init__(link, terms, Ways(stream=link.stub.SearchStream, parsed=SearchResponse.FromString, call=link.stub.Search))

    def search(self, query: Query, k: int = 10, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Sequence[Hit]:
        """As `Memory.search`."""
        request = requests.search(self._terms.namespace, [requests.query(query)], k, where, with_vectors=with_vectors)
        return answers.only_hits(self._ask(request), self._link.address)


class AsyncSearcher(AsyncStreamed[SearchRequest, SearchResponse]):
    """The same in an event loop; use it in an `async with` block. Tasks may share it, and then wait for each other."""

    def __init__(self, link: AsyncLink, terms: Terms) -> None:
        super().__init__(link, terms, AsyncWays(stream=link.stub.SearchStream, call=link.stub.Search))

    async def search(self, query: Query, k: int = 10, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Sequence[Hit]:
        """As `Memory.search`."""
        request = requests.search(self._terms.namespace, [requests.query(query)], k, where, with_vectors=with_vectors)
        return answers.only_hits(await self._ask(request), self._link.address)
