"""The memory for an event loop: the methods of `Memory`, awaited. Their descriptions are there."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client import answers, figures, requests
from tandem_memory.client.answers import Appended, BackedUp, Checked, Hit, Imported, Judged, Namespace, OnDamaged, OnEmbedding, Removed
from tandem_memory.client.blocking import LONG_S
from tandem_memory.client.figures import Stats
from tandem_memory.client.filter import EVERYTHING, Filter
from tandem_memory.client.link import AsyncLink, Terms, said_well
from tandem_memory.client.requests import Pruning, Query
from tandem_memory.client.streams import watch
from tandem_memory.client.streams.appender import AsyncAppender, append_async
from tandem_memory.client.streams.finds import Finds, OnRefused, in_line
from tandem_memory.client.streams.searcher import AsyncSearcher
from tandem_memory.client.streams.watch import AsyncWatch
from tandem_memory.client.streams.writer import AsyncWriter, Taken
from tandem_memory.record import Record

if TYPE_CHECKING:
    from tandem_rpc import ClientTls


class AsyncMemory:
    """One namespace of a shared memory, for the tasks of the event loop in which this was made."""

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
        """A client, to be made while its event loop runs; arguments and errors are those of `Memory`."""
        self._link = AsyncLink.to(address, token_file, tls, plaintext=plaintext)
        self._terms = Terms(namespace=namespace, deadline_s=deadline_s, patience_s=patience_s)

    def but(self, namespace: str | None = None, *, deadline_s: float | None = None, patience_s: float | None = None) -> "AsyncMemory":
        """As `Memory.but`."""
        other = object.__new__(AsyncMemory)
        other._link, other._terms = self._link, self._terms.but(namespace, deadline_s, patience_s)
        return other

    async def append(self, records: Iterable[Record]) -> Sequence[Appended]:
        """As `Memory.append`."""
        return await append_async(partial(self._link.ask, self._terms, self._link.stub.Append), self._terms.namespace, records)

    def appender(self) -> AsyncAppender:
        """As `Memory.appender`."""
        return AsyncAppender(self._link, self._terms)

    def writer(self, on_taken: Taken | None = None) -> AsyncWriter:
        """As `Memory.writer`; `on_taken` is called in the event loop."""
        return AsyncWriter(self._link, self._terms, on_taken)

    async def search(self, query: Query, k: int = 10, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> Sequence[Hit]:
        """As `Memory.search`."""
        request = requests.search(self._terms.namespace, [requests.query(query)], k, where, with_vectors=with_vectors)
        response = await self._link.ask(self._terms, self._link.stub.Search, request)
        return answers.only_hits(response, self._link.address)

    def searcher(self) -> AsyncSearcher:
        """As `Memory.searcher`."""
        return AsyncSearcher(self._link, self._terms)

    async def search_many(
        self,
        queries: Iterable[Query],
        k: int = 10,
        where: Filter = EVERYTHING,
        *,
        with_vectors: bool = False,
        on_refused: OnRefused | None = None,
    ) -> AsyncIterator[Sequence[Hit]]:
        """As `Memory.search_many`."""
        from tandem_memory.client.streams.async_talk import AsyncTalk

        requests.some(k)
        finds = Finds(self._link.address, on_refused)

        def gather(batch: Sequence[wire.Query]) -> wire.SearchRequest:
            return requests.search(self._terms.namespace, batch, k, where, with_vectors=with_vectors)

        talk = AsyncTalk(self._link, self._terms, self._link.stub.SearchStream, in_line(gather), finds.told)
        try:
            for query in queries:
                await talk.put(requests.query(query))
                async for hits in self._settled(finds, gather):
                    yield hits
            await talk.flush()
            async for hits in self._settled(finds, gather):
                yield hits
        finally:
            await talk.close()

    async def get(self, ids: Sequence[str], *, with_vectors: bool = False) -> Sequence[Record]:
        """As `Memory.get`."""
        records: list[Record] = []
        for call in requests.gets(self._terms.namespace, ids, with_vectors=with_vectors):
            request: wire.GetRequest | None = call
            while request:
                response = await self._link.ask(self._terms, self._link.stub.Get, request)
                records += answers.records(response.records)
                request = requests.rest(request, response.left)
        return records

    async def scan(self, where: Filter = EVERYTHING, *, with_vectors: bool = False) -> AsyncIterator[Record]:
        """As `Memory.scan`."""
        cursor = ""
        while True:
            request = requests.page(self._terms.namespace, cursor, where, with_vectors=with_vectors)
            response = await self._link.ask(self._terms, self._link.stub.Scan, request)
            for message in response.records:
                yield Record.of(message)
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
    ) -> AsyncWatch:
        """As `Memory.watch`."""
        request = watch.request(
            *(self._terms.namespace, cursor, where.message()), only_new=only_new, with_vectors=with_vectors, skip_damaged=skip_damaged
        )
        return AsyncWatch(self._link, self._terms.patient(), request)

    async def prune(self, pruning: Pruning) -> Removed:
        """As `Memory.prune`."""
        return answers.removed(await self._link.ask(self._terms, self._link.stub.Prune, requests.prune(self._terms.namespace, pruning)))

    async def judge(self, judged: Iterable[Judged]) -> int:
        """As `Memory.judge`."""
        calls = requests.judgements(self._terms.namespace, judged)
        return sum([(await self._link.ask(self._terms, self._link.stub.Feedback, request)).taken for request in calls])

    async def stats(self, where: Filter = EVERYTHING) -> Stats:
        """As `Memory.stats`."""
        request = wire.StatsRequest(namespace=self._terms.namespace, filter=where.message())
        return figures.stats(await self._link.ask(self._terms, self._link.stub.Stats, request))

    async def namespaces(self) -> Sequence[Namespace]:
        """As `Memory.namespaces`."""
        return answers.namespaces(await self._link.ask(self._terms, self._link.stub.ListNamespaces, wire.ListNamespacesRequest()))

    async def export(
        self,
        where: Filter = EVERYTHING,
        *,
        with_vectors: bool = False,
        on_damaged: OnDamaged | None = None,
        on_embedding: OnEmbedding | None = None,
    ) -> AsyncIterator[wire.Record]:
        """As `Memory.export`."""
        request = requests.export(self._terms.namespace, where, with_vectors=with_vectors, skip_damaged=on_damaged is not None)
        with said_well(self._link.address):
            call = self._link.stub.Export(request)
        said = aiter(call)
        try:
            while (response := await self._link.heard(said)) is not None:
                answers.tell(response, on_damaged, on_embedding)
                for message in response.records:
                    yield message
        finally:
            call.cancel()

    async def import_(self, messages: Iterable[wire.Record], *, embedding: str = "") -> Imported:
        """As `Memory.import_`."""
        done = answers.NOTHING_IMPORTED
        for request in requests.imports(self._terms.namespace, messages, embedding):
            with done.going_on():
                done = done.and_also(await self._import(request))
        return done

    async def check(self, *, deadline_s: float = LONG_S) -> Checked:
        """As `Memory.check`."""
        return answers.checked(await self._link.ask(self._slow(deadline_s), self._link.stub.Check, wire.CheckRequest()))

    async def backup(self, uri: str, *, deadline_s: float = LONG_S) -> BackedUp:
        """As `Memory.backup`."""
        return answers.backed_up(await self._link.ask(self._slow(deadline_s), self._link.stub.Backup, wire.BackupRequest(uri=uri)))

    async def close(self) -> None:
        """Hang up; calls that are under way fail."""
        await self._link.channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _settled(self, finds: Finds, gather: Callable[[Sequence[wire.Query]], wire.SearchRequest]) -> AsyncIterator[Sequence[Hit]]:
        while finds.heard:
            query, found, alone = finds.heard.popleft()
            if found.refused and not alone:
                found = (await self._link.ask(self._terms, self._link.stub.Search, gather([query]))).found[0]
            yield finds.hits(found)

    def _slow(self, deadline_s: float) -> Terms:
        return self._terms.but(None, deadline_s, None)

    async def _import(self, request: wire.ImportRequest) -> wire.ImportResponse:
        async for attempt in self._terms.tries_async():
            with attempt, said_well(self._link.address):
                return await self._link.stub.Import(iter([request]), timeout=self._terms.deadline_s)
        raise AssertionError  # stamina raises the last error itself
