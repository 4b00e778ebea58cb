"""What the service answers, as values."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client.errors import MemoryServiceError, RefusedError, counted_from
from tandem_memory.record import Record

_SMALL_BYTES = 64 * 1024  # of an answer, all of which stays in memory for as long as somebody keeps a record that is read from it later


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What became of a record: its id, and whether it, or another under its key, was there already."""

    id: str
    known: bool


class Hit(NamedTuple):
    """A record that a search found, and the cosine of the angle between query and record, -1 to 1. A search answers with ten: a tuple."""

    record: Record
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Records that were removed."""

    ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What recalling a record was good for.

    Attributes:
        id: The record.
        gain: How much better it went than without, -1 to 1: 1 when a wrong answer became right, -1 when a right one became wrong.
        source: Who recalled it.
        key: Told again under the same key, nothing happens; the client makes one when it is empty.
    """

    id: str
    gain: float
    source: str
    key: str = ""


Change: TypeAlias = Record | Pruned | Judged
"""What may happen in a namespace: a record was appended, records were pruned, a record was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Changes in their order, and the cursor to go on from; no changes when nothing that was asked for happened for a while.

    Where damage is skipped, `skipped` names what is not among the changes because it is not as it was written.
    """

    changes: Sequence[Change]
    cursor: str
    skipped: "Sequence[Finding]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What a prune removed, or would remove.

    Attributes:
        removed: How many.
        kept: How many stay.
        by_source: What goes of each source.
        ids: The first 1000 of them.
    """

    removed: int
    kept: int
    by_source: Mapping[str, int]
    ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace; its embedding is "caller" when only vectors are taken."""

    name: str
    records: int
    dimension: int
    embedding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many records were new, and how many were there already."""

    taken: int
    known: int

    def and_also(self, response: wire.ImportResponse) -> "Imported":
        """This, and what the next part came to."""
        return Imported(taken=self.taken + response.taken, known=self.known + response.known)

    @contextmanager
    def going_on(self) -> Generator[None]:
        """Goes on with the next part; what goes wrong with that says what this was, and that it need not be done again."""
        count = self.taken + self.known
        try:
            with counted_from(count):
                yield
        except MemoryServiceError as error:
            if not count:
                raise
            stay = f"the {count:,} records before stay ({self.taken:,} new, {self.known:,} were there already)"
            fix = "mend the one that is named, then import" if isinstance(error, RefusedError) else "import"
            msg = f"{stay}; {fix} it all again, they are known by their keys"
            raise error.but_before(msg) from error


NOTHING_IMPORTED = Imported(taken=0, known=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in the store that is not as it must be: in which namespace, where, and what."""

    namespace: str
    where: str
    what: str


OnDamaged: TypeAlias = Callable[[Finding], None]
"""Told of each record that is left out because it is not as it was written."""


OnEmbedding: TypeAlias = Callable[[str], None]
"""Told before records come, and again as they do, what made their vectors: "caller", or an embedding; "" by a service that is older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How many records were compared, and what is wrong; no findings when all is well."""

    records: int
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """Where a copy begins (what to restore from), and what it holds."""

    uri: str
    records: int
    bytes: int


def appended(response: wire.AppendResponse) -> Sequence[Appended]:
    """One for each record, in their order."""
    return [Appended(id=id_, known=known) for id_, known in zip(response.ids, response.known, strict=True)]


def records(messages: Iterable[wire.Record]) -> Sequence[Record]:
    """Records in their order."""
    return [Record.of(message) for message in messages]


def hits(found: wire.Found, address: str, number: int = 0, *, read: Callable[[wire.Record], Record] = Record.of) -> Sequence[Hit]:
    """What a query found, nearest first, each record taken over by `read`.

    Raises:
        RefusedError: when the query, which is `number` of all, is refused by itself.
    """
    if found.refused:
        field = f"queries[{number}]"
        msg = f"memory at {address}: {field}: {found.refused}"
        raise RefusedError(msg, field=field)
    return [Hit(read(hit.record), hit.similarity) for hit in found.hits]


def only_hits(response: wire.SearchResponse, address: str) -> Sequence[Hit]:
    """The same, of the only query of a search. Raises as `hits` does."""
    read = Record.within if response.ByteSize() <= _SMALL_BYTES else Record.of
    return hits(response.found[0], address, read=read)


def news(response: wire.WatchResponse) -> News:
    """What happened; kinds of change that are newer than this program are left out."""
    changes = (_change(change) for change in response.changes)
    told = [change for change in changes if change is not None]
    return News(changes=told, cursor=response.cursor, skipped=findings(response.skipped))


def removed(response: wire.PruneResponse) -> Removed:
    """What a prune removed."""
    return Removed(removed=response.removed, kept=response.kept, by_source=dict(response.by_source), ids=tuple(response.ids))


def namespaces(response: wire.ListNamespacesResponse) -> Sequence[Namespace]:
    """Namespaces in the service's order."""
    return [
        Namespace(name=each.name, records=each.records, dimension=each.dimension, embedding=each.embedding) for each in response.namespaces
    ]


def findings(messages: Iterable[wire.Finding]) -> Sequence[Finding]:
    """What is not as it must be."""
    return [Finding(namespace=each.namespace, where=each.where, what=each.what) for each in messages]


def tell(response: wire.ExportResponse, on_damaged: OnDamaged | None, on_embedding: OnEmbedding | None) -> None:
    """Tell of what was left out, which is nothing unless that was asked for, and of what made the vectors."""
    if on_damaged:
        for each in findings(response.skipped):
            on_damaged(each)
    if on_embedding:
        on_embedding(response.embedding)


def checked(response: wire.CheckResponse) -> Checked:
    """What a check found."""
    return Checked(records=response.records, findings=findings(response.findings))


def backed_up(response: wire.BackupResponse) -> BackedUp:
    """Where a copy is."""
    return BackedUp(uri=response.uri, records=response.records, bytes=response.bytes)


def _change(change: wire.Change) -> Change | None:
    match change.WhichOneof("what"):
        case "appended":
            return Record.of(change.appended)
        case "pruned":
            return Pruned(ids=tuple(change.pruned.ids))
        case "judged":
            told = change.judged
            return Judged(id=told.id, gain=told.gain, source=told.source, key=told.key)
        case _:
            return None
