"""What is asked of the service: requests made of values, each within the wire's limits. Pure: nothing is sent here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from uuid import uuid4

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client.answers import Judged
from tandem_memory.client.filter import EVERYTHING, Filter
from tandem_memory.record import Record, packed, stamp, texts

if TYPE_CHECKING:
    from tandem_memory.record import Vector

Query: TypeAlias = "str | Vector | Sequence[float]"
"""A text, embedded as the questions of the namespace are, or a vector of its dimension."""

MOST_RECORDS = 4096  # AppendRequest.records, FeedbackRequest.judged
QUERIES_AT_ONCE = 32  # in one request of a stream: answered as one batch by the index, and soon enough
MOST_IDS = 1000  # GetRequest.ids
MOST_ON_A_PAGE = 1000  # ScanRequest.limit
BATCH_BYTES = 2 * 1024 * 1024  # half of gRPC's default limit for a message: what frames a batch is not counted

Sized = TypeVar("Sized", wire.Record, wire.Query, wire.Judged)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What is to be removed. Nothing is, unless one of `keep_best`, `before` and `harmful_after` says so.

    Attributes:
        among: Only records that match.
        keep_best: All but the best so many, by score, then utility, then age.
        per_source: Whether each source keeps so many.
        before: What was made before.
        harmful_after: What was used at least so often, to a mean gain below zero.
        dry_run: Say what would go, remove nothing.
    """

    among: Filter = EVERYTHING
    keep_best: int | None = None
    per_source: bool = False
    before: datetime | None = None
    harmful_after: int | None = None
    dry_run: bool = False


def keyed(records: Iterable[Record]) -> Sequence[Record]:
    """The records, each under a key: its own, or a new random one. Appending them again appends nothing."""
    return [_keyed(record) for record in records]


def batches(messages: Iterable[Sized], most: int) -> Iterator[list[Sized]]:
    """Messages in groups of at most `most` and about BATCH_BYTES; one that is larger goes alone."""
    batch: list[Sized] = []
    size = 0
    for message in messages:
        bytes_ = message.ByteSize()
        if batch and (len(batch) == most or size + bytes_ > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += bytes_
    if batch:
        yield batch


def appends(namespace: str, records: Iterable[Record]) -> Iterator[wire.AppendRequest]:
    """Appends of all records, each under a key."""
    messages = (_keyed(record).message() for record in records)
    return (wire.AppendRequest(namespace=namespace, records=batch) for batch in batches(messages, MOST_RECORDS))


def imports(namespace: str, messages: Iterable[wire.Record], embedding: str) -> Iterator[wire.ImportRequest]:
    """Imports of all messages; each must have its key, and its vector, if it has one, from `embedding`."""
    return (wire.ImportRequest(namespace=namespace, records=batch, embedding=embedding) for batch in batches(messages, MOST_RECORDS))


def query(by: Query) -> wire.Query:
    """A query by text or vector."""
    return wire.Query(text=by) if isinstance(by, str) else wire.Query(vector=packed("query", by))


def some(k: int) -> None:
    """Let a number of records pass that asks for any; the wire has 0 for the service's own choice.

    Raises:
        ValueError: for one that does not.
    """
    if k < 1:
        msg = f"k: {k} asks for no record; ask for 1 or more"
        raise ValueError(msg)


def search(namespace: str, queries: Sequence[wire.Query], k: int, where: Filter, *, with_vectors: bool) -> wire.SearchRequest:
    """The k nearest to each query; raises as `some` does."""
    some(k)
    return wire.SearchRequest(namespace=namespace, queries=queries, k=k, filter=where.message(), with_vectors=with_vectors)


def gets(namespace: str, ids: Sequence[str], *, with_vectors: bool) -> Iterator[wire.GetRequest]:
    """Gets of all ids.

    Raises:
        ValueError: for one id that is not in a list.
    """
    ids = texts("ids", ids)
    for begin in range(0, len(ids), MOST_IDS):
        yield wire.GetRequest(namespace=namespace, ids=ids[begin : begin + MOST_IDS], with_vectors=with_vectors)


def rest(request: wire.GetRequest, left: int) -> wire.GetRequest | None:
    """What of a get is to be asked again, when `left` of its ids were not answered; None when all were."""
    if not left:
        return None
    return wire.GetRequest(namespace=request.namespace, ids=request.ids[-left:], with_vectors=request.with_vectors)


def page(namespace: str, cursor: str, where: Filter, *, with_vectors: bool) -> wire.ScanRequest:
    """The page of a scan that begins at `cursor`."""
    return wire.ScanRequest(namespace=namespace, cursor=cursor, limit=MOST_ON_A_PAGE, filter=where.message(), with_vectors=with_vectors)


def export(namespace: str, where: Filter, *, with_vectors: bool, skip_damaged: bool) -> wire.ExportRequest:
    """An export."""
    return wire.ExportRequest(namespace=namespace, filter=where.message(), with_vectors=with_vectors, skip_damaged=skip_damaged)


def prune(namespace: str, pruning: Pruning) -> wire.PruneRequest:
    """A prune."""
    return wire.PruneRequest(
        namespace=namespace,
        filter=pruning.among.message(),
        keep_best=pruning.keep_best,
        per_source=pruning.per_source,
        before=stamp("before", pruning.before),
        harmful_after=pruning.harmful_after,
        dry_run=pruning.dry_run,
    )


def judgements(namespace: str, judged: Iterable[Judged]) -> Iterator[wire.FeedbackRequest]:
    """Feedback on all of `judged`, each under a key."""
    messages = (wire.Judged(id=each.id, gain=each.gain, source=each.source, key=each.key or uuid4().hex) for each in judged)
    return (wire.FeedbackRequest(namespace=namespace, judged=batch) for batch in batches(messages, MOST_RECORDS))


def _keyed(record: Record) -> Record:
    return record if record.key else replace(record, key=uuid4().hex)
