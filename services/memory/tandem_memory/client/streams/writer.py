"""Appending at full rate: records go out over one stream as they come, and nobody waits for each to be on disk.

On leaving, everything is acknowledged or it raises. What was under way when the connection broke is sent again under the same keys,
so nothing is lost and nothing is there twice.
"""

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client import answers, requests
from tandem_memory.client.answers import Appended
from tandem_memory.client.link import AsyncLink, Link, Terms
from tandem_memory.client.streams.line import Line
from tandem_memory.client.streams.talk import Talk
from tandem_memory.record import Record

Taken = Callable[[str, Appended], None]
"""Told of each record that is durable: its key, and what became of it."""

_BATCH = 512  # records in one request: beyond that a group commit gains nothing, and an answer takes longer


class Writer:
    """Use it in a `with` block; any number of threads may write."""

    def __init__(self, link: Link, terms: Terms, on_taken: Taken | None = None) -> None:
        self._taken = _Acknowledged(on_taken)
        self._talk = Talk(link, terms, link.stub.AppendStream, _line(terms.namespace), self._taken.told)

    def write(self, record: Record) -> str:
        """Have a record appended; waits only while as much is unacknowledged as may be under way.

        Returns:
            The key that it is appended under.

        Raises:
            MemoryServiceError: when an earlier record was refused, or the service cannot be reached for longer than patience lasts.
            ValueError: for a record that the wire cannot carry.
        """
        (kept,) = requests.keyed([record])
        self._talk.put(kept.message())
        return kept.key

    def write_all(self, records: Iterable[Record]) -> None:
        """Write each of `records`."""
        for record in records:
            self.write(record)

    @property
    def acknowledged(self) -> int:
        """How many records are durable."""
        return self._taken.count

    def flush(self) -> None:
        """Wait until everything that was written is durable.

        Raises:
            MemoryServiceError: when it is not.
        """
        self._talk.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self._talk.close()


class AsyncWriter:
    """The same in an event loop; use it in an `async with` block. Methods raise as those of `Writer` do."""

    def __init__(self, link: AsyncLink, terms: Terms, on_taken: Taken | None = None) -> None:
        from tandem_memory.client.streams.async_talk import AsyncTalk

        self._taken = _Acknowledged(on_taken)
        self._talk = AsyncTalk(link, terms, link.stub.AppendStream, _line(terms.namespace), self._taken.told)

    async def write(self, record: Record) -> str:
        """Have a record appended; the key that it is appended under."""
        (kept,) = requests.keyed([record])
        await self._talk.put(kept.message())
        return kept.key

    async def write_all(self, records: Iterable[Record]) -> None:
        """Write each of `records`."""
        for record in records:
            await self.write(record)

    @property
    def acknowledged(self) -> int:
        """How many records are durable."""
        return self._taken.count

    async def flush(self) -> None:
        """Wait until everything that was written is durable."""
        await self._talk.flush()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                await self.flush()
        finally:
            await self._talk.close()


class _Acknowledged:
    """Counts what is durable, and tells whoever wants to know."""

    def __init__(self, on_taken: Taken | None) -> None:
        self.count, self._on_taken = 0, on_taken

    def told(self, batch: Sequence[wire.Record], response: wire.AppendResponse) -> None:
        self.count += len(batch)
        if self._on_taken:
            for message, appended in zip(batch, answers.appended(response), strict=True):
                self._on_taken(message.key, appended)


def _line(namespace: str) -> Line[wire.Record, wire.AppendRequest]:
    return Line(lambda batch: wire.AppendRequest(namespace=namespace, records=batch), most=_BATCH)
