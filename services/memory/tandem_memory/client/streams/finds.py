"""What a stream of searches found, query by query, and what becomes of a query that is refused by itself. Pure."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.client import answers
from tandem_memory.client.answers import Hit
from tandem_memory.client.errors import RefusedError
from tandem_memory.client.requests import QUERIES_AT_ONCE
from tandem_memory.client.streams.line import Line

OnRefused: TypeAlias = Callable[[int, RefusedError], None]
"""Told of a query that alone cannot be answered: its place among all, from 0, and why."""


def in_line(gather: Callable[[Sequence[wire.Query]], wire.SearchRequest]) -> Line[wire.Query, wire.SearchRequest]:
    """Queries that wait to be asked: texts and vectors in requests of their own."""
    return Line(gather, most=QUERIES_AT_ONCE, kind=lambda query: query.WhichOneof("by"))


class Finds:
    """Answers in the order of their queries.

    Attributes:
        heard: Queries and what they were answered, and whether each was asked by itself; in their order, until they are taken.
    """

    def __init__(self, address: str, on_refused: OnRefused | None) -> None:
        self.heard: deque[tuple[wire.Query, wire.Found, bool]] = deque()
        self._address, self._on_refused, self._count = address, on_refused, 0

    def told(self, batch: Sequence[wire.Query], response: wire.SearchResponse) -> None:
        """Hear what a request was answered."""
        self.heard.extend((query, found, len(batch) == 1) for query, found in zip(batch, response.found, strict=True))

    def hits(self, found: wire.Found) -> Sequence[Hit]:
        """What the next query found; nothing when it is refused and somebody is told of that.

        Raises:
            RefusedError: when nobody is.
        """
        number, self._count = self._count, self._count + 1
        try:
            return answers.hits(found, self._address, number)
        except RefusedError as error:
            if self._on_refused is None:
                raise
            self._on_refused(number, error)
            return ()
