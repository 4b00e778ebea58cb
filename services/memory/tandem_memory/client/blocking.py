"""The memory for threads that wait. `AsyncMemory` has the same methods for an event loop."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client import answers, figures, requests
from tandem_memory.client.answers import Appended, BackedUp, Checked, Hit, Imported, Judged, Namespace, OnDamaged, OnEmbedding, Removed
from tandem_memory.client.figures import Stats
from tandem_memory.client.filter import EVERYTHING, Filter
from tandem_memory.client.link import Link, Terms, said_well
from tandem_memory.client.requests import Pruning, Query
from tandem_memory.client.streams import watch
from tandem_memory.client.streams.appender import Appender, append
from tandem_memory.client.streams.finds import Finds, OnRefused, in_line
from tandem_memory.client.streams.searcher import Searcher
from tandem_memory.client.streams.talk import Talk
from tandem_memory.client.streams.watch import Watch
from tandem_memory.client.streams.writer import Taken, Writer
from tandem_memory.record import Record

if TYPE_CHECKING:
    from tandem_rpc import ClientTls

LONG_S = 600.0  # for a check or a copy of everything


class Memory:
    """One namespace of a shared memory. Any number of threads may use it at once.

    Every method that calls the service raises a MemoryServiceError (`client.errors`) of one line when it fails, after trying again
    for as long as that may help.
    """

    def __init__(
        self,
        address: str,
        namespace: str,
        *,
        token_file: Path | None = None,
        tls: "ClientTls | None" = None,
        plaintext: bool = False,
        deadline_s: float = 30.0,
        patience_s: float = 30.0,
    ) -> None:
        """A client; nothing is connected before it is used.

        Args:
            address: Where the service is, "host:port".
            namespace: Whose records are meant.
            token_file: The token to show, as in `tandem_rpc.channel`, like the next two.
            tls: Whom to believe.
            plaintext: States that the network itself encrypts.
            deadline_s: Longest time for one try of a call.
            patience_s: How long a call is tried again while the service cannot be reached or is busy; 0 tries once.

        Raises:
            tandem_rpc.RpcSetupError: when one of them cannot be used.
        """
        self._link = Link.to(address, token_file, tls, plaintext=plaintext)
        self._terms = Terms(namespace=namespace, deadline_s=deadline_s, patience_s=patience_s)

    def but(self, namespace: str | None = None, *, deadline_s: float | None = None, patience_s: float | None = None) -> "Memory":
        """The same memory over the same connection, on other terms; what is None stays as it is."""
        other = object.__new__(Memory)
        other._link, other._terms = self._link, self._terms.but(namespace, deadline_s, patience_s)
        return other

    def append(self, records: Iterable[Record]) -> Sequence[Appended]:
        """Take in records; all of them are durable when this returns.

        A record without a key gets a random one, so that sending it again after a break is safe. To be able to call this again
        yourself, give keys, or have them made by `keyed`: when it raises, some of many records may have been taken in.
        """
        return append(partial(self._link.ask, self._terms, self._link.stub.Append), self._terms.namespace, records)

    def appender(self) -> Appender:
        """A `with` block for appends one after the other, each durable before the next, for three quarters of what calls cost."""
        return Appender(self._link, self._terms)

    def writer(self, on_taken: Taken | None = None) -> Writer:
        """A `with` block that appends at full rate; `on_taken` hears of each durable record, in another thread."""
        return Writer(self._link, self._terms, on_taken)

    def search(self, query: Query, k: int = 10, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Sequence[Hit]:
        """The k records nearest to a text or vector, nearest first; whatever was acknowledged before is found."""
        request = requests.search(self._terms.namespace, [requests.query(query)], k, where, with_vectors=with_vectors)
        return answers.only_hits(self._link.ask(self._terms, self._link.stub.Search, request), self._link.address)

    def searcher(self) -> Searcher:
        """A `with` block for searches one after the other: over one stream, which costs about half of what as many calls do."""
        return Searcher(self._link, self._terms)

    def search_many(
        self,
        queries: Iterable[Query],
        k: int = 10,
        where: Filter = EVERYTHING,
        *,
        with_vectors: bool = False,
        on_refused: OnRefused | None = None,
    ) -> Iterator[Sequence[Hit]]:
        """The same for each of many queries, in their order, at full rate over one stream.

        Args:
            queries: Texts and vectors; those of one kind that follow each other go together, so that to alternate costs more.
            k: How many records for each.
            where: Which records.
            with_vectors: Whether records come with their vectors.
            on_refused: Told of each query that cannot be answered by itself, such as a text without a word, which then has no hits;
                without it the first of those raises RefusedError in its place. What is no query here, such as a vector of another
                dimension or with NaN, ends it all with a RefusedError that names it.
        """
        requests.some(k)
        finds = Finds(self._link.address, on_refused)

        def gather(batch: Sequence[wire.Query]) -> wire.SearchRequest:
            return requests.search(self._terms.namespace, batch, k, where, with_vectors=with_vectors)

        talk = Talk(self._link, self._terms, self._link.stub.SearchStream, in_line(gather), finds.told)
        try:
            for query in queries:
                talk.put(requests.query(query))
                yield from self._settled(finds, gather)
            talk.flush()
            yield from self._settled(finds, gather)
        finally:
            talk.close()

    def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> Sequence[Record]:
        """Those of the records that are there, in the order of `ids`."""
        records: list[Record] = []
        for call in requests.gets(self._terms.namespace, ids, with_vectors=with_vectors):
            request: wire.GetRequest | None = call
            while request:
                response = self._link.ask(self._terms, self._link.stub.Get, request)
                records += answers.records(response.records)
                request = requests.rest(request, response.left)
        return records

    def scan(self, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Iterator[Record]:
        """All records that match, in the order that they were taken in, fetched a page at a time."""
        cursor = ""
        while True:
            request = requests.page(self._terms.namespace, cursor, where, with_vectors=with_vectors)
            response = self._link.ask(self._terms, self._link.stub.Scan, request)
            yield from map(Record.of, response.records)
            if not (cursor := response.cursor):
                return

    def watch(
        self,
        cursor: str = "",
        where: Filter = EVERYTHING,
        *,
        only_new: bool = False,
        with_vectors: bool = False,
        skip_damaged: bool = False,
    ) -> Watch:
        """Every change from `cursor` on, then live; reconnects for as long as it takes, without a gap or a duplicate.

        Args:
            cursor: Where an earlier watch left off; empty for all there is. One from before what the service remembers (30 days, if
                it was not told otherwise) ends the iteration with CursorTooOldError, one from before it was restored from a backup with
                RefusedError: begin another without a cursor.
            where: Appended records that do not match are left out.
            only_new: With an empty cursor, only what comes once this is iterated; its first news, mostly without changes, says that it is.
            with_vectors: Whether records come with their vectors.
            skip_damaged: Whether what is not as it was written is passed over, and named in `News.skipped`; it ends the watch otherwise.
        """
        request = watch.request(
            *(self._terms.namespace, cursor, where.message()), only_new=only_new, with_vectors=with_vectors, skip_damaged=skip_damaged
        )
        return Watch(self._link, self._terms.patient(), request)

    def prune(self, pruning: Pruning) -> Removed:
        """Remove what is not worth its place, or say what would go."""
        return answers.removed(self._link.ask(self._terms, self._link.stub.Prune, requests.prune(self._terms.namespace, pruning)))

    def judge(self, judged: Iterable[Judged]) -> int:
        """Say what recalling records was good for; how many were of records that are there, and not told before."""
        calls = requests.judgements(self._terms.namespace, judged)
        return sum(self._link.ask(self._terms, self._link.stub.Feedback, request).taken for request in calls)

    def stats(self, where: Filter = EVERYTHING) -> Stats:
        """Counts and means over the records that match, for each source."""
        request = wire.StatsRequest(namespace=self._terms.namespace, filter=where.message())
        return figures.stats(self._link.ask(self._terms, self._link.stub.Stats, request))

    def namespaces(self) -> Sequence[Namespace]:
        """All namespaces that the caller may read."""
        return answers.namespaces(self._link.ask(self._terms, self._link.stub.ListNamespaces, wire.ListNamespacesRequest()))

    def export(
        self,
        where: Filter = EVERYTHING,
        *,
        with_vectors: bool = False,
        on_damaged: OnDamaged | None = None,
        on_embedding: OnEmbedding | None = None,
    ) -> Iterator[wire.Record]:
        """All records that match, as they are at one moment, as the wire has them; `transfer` writes them to a file.

        A break is an error: the moment would be another one. So is a record that is not as it was written, unless `on_damaged` is told of
        each of those, which are then left out. `on_embedding` hears what made the vectors, before the first record: an import is told that.
        """
        request = requests.export(self._terms.namespace, where, with_vectors=with_vectors, skip_damaged=on_damaged is not None)
        with said_well(self._link.address):
            call = self._link.stub.Export(request)
        try:
            while (response := self._link.heard(call)) is not None:
                answers.tell(response, on_damaged, on_embedding)
                yield from response.records
        finally:
            call.cancel()  # nothing, unless nobody wants the rest

    def import_(self, messages: Iterable[wire.Record], *, embedding: str = "") -> Imported:
        """Take in what was exported, with its times and its use; what is there already, by its key, is left as it is.

        `embedding` is what made the vectors, as the export said it; the service has to guess without it whether it was its own.
        When it raises, it says how many records before stay; importing all of them again goes on from there.
        """
        done = answers.NOTHING_IMPORTED
        for request in requests.imports(self._terms.namespace, messages, embedding):
            with done.going_on():
                done = done.and_also(self._import(request))
        return done

    def check(self, *, deadline_s: float = LONG_S) -> Checked:
        """Have the store compare every part of itself with every other."""
        return answers.checked(self._link.ask(self._slow(deadline_s), self._link.stub.Check, wire.CheckRequest()))

    def backup(self, uri: str, *, deadline_s: float = LONG_S) -> BackedUp:
        """Copy the store, as it is at one moment, to a folder named by a file:// or s3:// address that the service can reach."""
        return answers.backed_up(self._link.ask(self._slow(deadline_s), self._link.stub.Backup, wire.BackupRequest(uri=uri)))

    def close(self) -> None:
        """Hang up; calls that are under way fail."""
        self._link.channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _settled(self, finds: Finds, gather: Callable[[Sequence[wire.Query]], wire.SearchRequest]) -> Iterator[Sequence[Hit]]:
        """What was heard; a query that was refused among others is asked again by itself, when its answer may be large."""
        while finds.heard:
            query, found, alone = finds.heard.popleft()
            if found.refused and not alone:
                found = self._link.ask(self._terms, self._link.stub.Search, gather([query])).found[0]
            yield finds.hits(found)

    def _slow(self, deadline_s: float) -> Terms:
        return self._terms.but(None, deadline_s, None)

    def _import(self, request: wire.ImportRequest) -> wire.ImportResponse:
        for attempt in self._terms.tries():
            with attempt, said_well(self._link.address):
                return self._link.stub.Import(iter([request]), timeout=self._terms.deadline_s)
        raise AssertionError  # stamina raises the last error itself
