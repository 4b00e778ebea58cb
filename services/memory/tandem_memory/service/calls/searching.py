"""Search and SearchStream: what waits together is looked up together."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from tandem.memory.v1.memory_pb2 import Found, SearchRequest, SearchResponse

from tandem_memory.acceptance import check_search
from tandem_memory.acceptance.limits import DEFAULT_FOUND
from tandem_memory.backend import FOUND_BYTES, Near, TooLarge
from tandem_memory.rights import Right
from tandem_memory.service import texts
from tandem_memory.service.batches import Batches, Question
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context, Parts
from tandem_memory.service.pipeline import in_order


class Searching(Calls):
    """Finds records."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._batches = Batches(parts.backend, parts.figures)

    async def Search(self, request: SearchRequest, context: Context) -> SearchResponse:  # noqa: N802 - the wire's name
        """The records nearest to each query; one that cannot be answered is refused by itself, among the answers to the others."""
        with told(self._parts.figures, "Search", request.namespace, about="queries"):
            self._allow(context, request.namespace, Right.READ)
            check_search(request)
            queries, silent = await texts.matrix(self._parts, request.namespace, request.queries)
            found = iter(await self._batches.nearest(_question(request), queries) if len(queries) else ())
            response = SearchResponse()
            for number in range(len(request.queries)):
                _tell(response.found.add(), silent[number] if number in silent else next(found), request)
            return response

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


def _tell(found: Found, one: Sequence[Near] | TooLarge | str, request: SearchRequest) -> None:
    """What a query is answered, written where it is sent from: what it found, or why it is refused."""
    if isinstance(one, str):
        found.refused = one
    elif isinstance(one, TooLarge):
        problem = f"its {request.k or DEFAULT_FOUND} nearest records are more than an answer holds ({FOUND_BYTES >> 20} MiB)"
        fixes = ("fewer (k)", "no vectors" if request.with_vectors else "", "this query by itself" if len(request.queries) > 1 else "")
        found.refused = f"{problem}; ask for {' or '.join(filter(None, fixes))}"
    else:
        for near in one:
            hit = found.hits.add()  # made elsewhere, ten records would be copied three times: 25 us, in place of 10
            hit.record.MergeFromString(near.packed)
            hit.similarity = near.similarity
