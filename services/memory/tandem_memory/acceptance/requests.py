"""Everything that is asked, beside records."""

from collections.abc import Sequence
from typing import Protocol

from tandem.memory.v1.memory_pb2 import (
    FeedbackRequest,
    Filter,
    GetRequest,
    Judged,
    PruneRequest,
    Query,
    ScanRequest,
    SearchRequest,
    WatchRequest,
)

from tandem_memory.acceptance import limits
from tandem_memory.acceptance.filters import check_filter
from tandem_memory.acceptance.values import (
    UnacceptableError,
    check_count,
    check_each,
    check_key,
    check_namespace,
    check_text,
    check_time,
    check_vector,
    check_within,
)


class Named(Protocol):
    """A request for records of a namespace that match (Stats, Export)."""

    namespace: str

    @property
    def filter(self) -> Filter:
        """Which."""
        ...


def check_named(request: Named) -> None:
    """Let a request pass that says no more than which records."""
    check_namespace(request.namespace)
    check_filter("filter", request.filter)


def check_search(request: SearchRequest) -> None:
    """Let a search pass whose namespace is a name; whether its vectors have the namespace's dimension is seen where that is known."""
    check_count("queries", len(request.queries), limits.QUERIES, "queries")
    if request.k > limits.FOUND:
        raise UnacceptableError(field="k", problem=f"{request.k} records for each query; ask for 1 to {limits.FOUND}")
    _check_queries(request.queries)
    if request.HasField("filter"):
        check_filter("filter", request.filter)


def check_get(request: GetRequest) -> None:
    """Let a request for single records pass."""
    check_namespace(request.namespace)
    check_count("ids", len(request.ids), limits.IDS, "ids")
    for at, each in enumerate(request.ids):
        check_text(f"ids[{at}]", each)


def check_scan(request: ScanRequest) -> None:
    """Let a request for a page pass."""
    check_named(request)
    check_text("cursor", request.cursor, most=limits.CURSOR_CHARACTERS)
    if request.limit > limits.PAGE:
        raise UnacceptableError(field="limit", problem=f"{request.limit} records; ask for 1 to {limits.PAGE} at once")


def check_watch(request: WatchRequest) -> None:
    """Let a watcher pass."""
    check_named(request)
    check_text("cursor", request.cursor, most=limits.CURSOR_CHARACTERS)
    if request.only_new and request.cursor:
        raise UnacceptableError(field="only_new", problem="given with a cursor; either go on from the cursor, or see only what is new")


def check_prune(request: PruneRequest) -> None:
    """Let a removal pass that says why anything should go: an empty request removes nothing, rather than everything."""
    check_named(request)
    check_time("before", request.before)
    if request.HasField("harmful_after") and not request.harmful_after:
        raise UnacceptableError(field="harmful_after", problem="0 uses say nothing; give 1 or more")
    if not any(request.HasField(field) for field in ("keep_best", "before", "harmful_after")):
        raise UnacceptableError(field="keep_best", problem="absent, as before and harmful_after are; say what is to go")
    if request.per_source and not request.HasField("keep_best"):
        raise UnacceptableError(field="per_source", problem="given without keep_best; say how many of each source are to stay")


def check_feedback(request: FeedbackRequest) -> None:
    """Let judgements pass."""
    check_namespace(request.namespace)
    check_count("judged", len(request.judged), limits.RECORDS, "judgements")
    check_each("judged", request.judged, _check_judged)


def _check_judged(judged: Judged) -> None:
    if not judged.id:
        raise UnacceptableError(field="id", problem="absent; say which record this is about")
    check_text("id", judged.id)
    check_within("gain", judged.gain, -1, 1, fix="give how much better it went, 0 for no better, or do not judge")
    check_text("source", judged.source)
    check_key("key", judged.key)


def _check_queries(queries: Sequence[Query]) -> None:
    kind = queries[0].WhichOneof("by")

    def check(query: Query) -> None:
        by = query.WhichOneof("by")
        if by != kind:
            raise UnacceptableError(field="", problem="by text and by vector in one request; send two")
        if by == "vector":
            check_vector("vector", query.vector)
        elif by is None:
            raise UnacceptableError(field="", problem="empty; give a text or a vector to search by")

    check_each("queries", queries, check)
