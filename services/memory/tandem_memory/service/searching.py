"""Search and SearchStream: what waits together is looked up together."""

from collections.abc import AsyncGenerator, AsyncIterator

from tandem.memory.v1.memory_pb2 import Found, Hit, SearchRequest, SearchResponse

from tandem_memory.acceptance import check_search
from tandem_memory.acceptance.limits import DEFAULT_FOUND
from tandem_memory.rights import Right
from tandem_memory.service import texts
from tandem_memory.service.batches import Batches, Nearest, Question
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context, Parts
from tandem_memory.service.pipeline import in_order


class Searching(Calls):
    """Finds records."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._batches = Batches(parts.backend, parts.figures)

    async def Search(self, request: SearchRequest, context: Context) -> SearchResponse:  # noqa: N802 - the wire's name
        """The records nearest to each query."""
        with told(self._parts.figures, "Search", request.namespace, about="queries"):
            self._allow(context, request.namespace, Right.READ)
            check_search(request)
            queries = await texts.matrix(self._parts, request.namespace, request.queries)
            return _answer(await self._batches.nearest(_question(request), queries))

    async def SearchStream(  # noqa: N802 - the wire's name
        self, request_iterator: AsyncIterator[SearchRequest], context: Context
    ) -> AsyncGenerator[SearchResponse]:
        """The same for many."""
        async for answer in in_order(request_iterator, lambda request: self.Search(request, context)):
            yield answer


def _question(request: SearchRequest) -> Question:
    return Question(
        namespace=request.namespace,
        k=request.k or DEFAULT_FOUND,
        # Filters that say the same in another order are told apart by this, and then merely not looked up together.
        wanted=request.filter.SerializeToString(deterministic=True),
        vectors=request.with_vectors,
    )


def _answer(found: Nearest) -> SearchResponse:
    return SearchResponse(found=[Found(hits=[Hit(record=near.record, similarity=near.similarity) for near in each]) for each in found])
