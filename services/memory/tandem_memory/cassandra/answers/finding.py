"""How a search is carried out: Cassandra and the memory of what is young name candidates, and each is then looked at as it really is.

What the index of one node says may be out of date in both ways. What it lacks is among the young; what it has too much, or wrongly,
is seen when the candidates are read at a quorum, where the rest of the filter is asked and the cosine is computed from the vector
as it was handed in. When too few are left, more are asked for; in the end all records are gone through.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Filter, Record

from tandem_memory.backend import Near
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.facets import asked
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.shelf.reading import walk
from tandem_memory.cassandra.shelf.shelf import Shelf
from tandem_memory.rules.wanted import wants

_MOST = 1000  # candidates that Cassandra names at once (cassandra.sai.vector_search.max_top_k)
_SPARE = 20  # candidates more than twice as many as are wanted: an approximate index misses some, and orders others wrongly

Vectors = npt.NDArray[np.float32]


@dataclass(slots=True)
class _Looked:
    """Candidates that were read: those that match, and all."""

    matching: dict[Place, tuple[Entry, Record]] = field(default_factory=dict[Place, tuple[Entry, Record]])
    seen: set[Place] = field(default_factory=set[Place])


async def search(shelf: Shelf, queries: Vectors, k: int, wanted: Filter, *, vectors: bool) -> list[list[Near]]:
    """For each of `queries`, shape (queries, dimension), its k nearest records that match, nearest first."""
    await shelf.refresh()
    looked = _Looked()
    finds = await asyncio.gather(*(_find(shelf, query, k, wanted, looked) for query in queries))
    if all(enough for enough, _ in finds):
        return [_answers(looked, places, query, k, vectors=vectors) for query, (_, places) in zip(queries, finds, strict=True)]
    return await _through_all(shelf, queries, k, wanted, vectors=vectors)


async def _find(shelf: Shelf, query: Vectors, k: int, wanted: Filter, looked: _Looked) -> tuple[bool, set[Place]]:
    """Candidates of one query that match, and whether they are all that is needed."""
    conditions, values = asked(shelf.space.identity, wanted)
    exact, places = query.astype("<f4").tobytes(), set[Place]()
    if not query.any():
        return False, places  # it points nowhere: everything is equally near, and Cassandra refuses it
    for most in (min(2 * k + _SPARE, _MOST), _MOST):
        named = await shelf.log.nearest(exact, most, conditions, values)
        (young,) = shelf.tails.near(query[None, :], most, wanted)
        candidates = {place for place in (*named, *young) if shelf.tails.holds(place)}
        await _look(shelf, candidates, wanted, looked)
        places = {place for place in candidates if place in looked.matching}
        if len(places) >= k or len(named) < most:
            return len(young) < most or len(places) >= k, places
    return False, places


async def _look(shelf: Shelf, candidates: Iterable[Place], wanted: Filter, looked: _Looked) -> None:
    """Read those that were not read yet, as a quorum has them."""
    new = [place for place in candidates if place not in looked.seen]
    entries = await shelf.log.at(new, exact=True)
    looked.seen.update(new)
    for place, entry in entries.items():
        if entry.kind == Kind.RECORD and wants(wanted, record := entry.record):
            looked.matching[place] = (entry, record)


def _answers(looked: _Looked, places: Iterable[Place], query: Vectors, k: int, *, vectors: bool) -> list[Near]:
    chosen = sorted(places, key=lambda place: (looked.matching[place][0].at_us, place))
    cosines = _cosines(query, [looked.matching[place][0].exact for place in chosen])
    order = np.argsort(-cosines, kind="stable")[:k]
    return [_near(looked.matching[chosen[at]][1], float(cosines[at]), vectors=vectors) for at in order]


async def _through_all(shelf: Shelf, queries: Vectors, k: int, wanted: Filter, *, vectors: bool) -> list[list[Near]]:
    """The same by going through all records: for filters that few records pass, and Cassandra does not know of."""
    best: list[list[tuple[float, Record]]] = [[] for _ in queries]
    async for entries in _parts(shelf):
        matching = [(entry, record) for entry in entries if wants(wanted, record := entry.record)]
        for query, kept in zip(queries, best, strict=True):
            cosines = _cosines(query, [entry.exact for entry, _ in matching])
            kept += [(float(cosine), record) for cosine, (_, record) in zip(cosines, matching, strict=True)]
            kept.sort(key=lambda each: -each[0])
            del kept[k:]
    return [[_near(record, cosine, vectors=vectors) for cosine, record in kept] for kept in best]


async def _parts(shelf: Shelf) -> AsyncIterator[Sequence[Entry]]:
    async for entries in walk(shelf, {}, exact=True):
        yield [entry for entry in entries if entry.kind == Kind.RECORD]


def _cosines(query: Vectors, exact: Sequence[bytes]) -> npt.NDArray[np.float32]:
    """Of the angles between a query and vectors; 0 with what has no direction. In float64, in one order."""
    if not exact:
        return np.empty(0, np.float32)
    rows = _unit(np.frombuffer(b"".join(exact), "<f4").reshape(len(exact), -1))
    return np.clip(np.einsum("nd,d->n", rows, _unit(query[None, :])[0]), -1.0, 1.0).astype(np.float32)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    wide = rows.astype(np.float64)
    wide /= np.maximum(np.abs(wide).max(axis=1, initial=0.0, keepdims=True), np.finfo(np.float64).tiny)
    wide /= np.maximum(np.sqrt(np.einsum("nd,nd->n", wide, wide))[:, None], np.finfo(np.float64).tiny)
    return wide


def _near(record: Record, cosine: float, *, vectors: bool) -> Near:
    answer = record
    if not vectors:
        answer = Record()
        answer.CopyFrom(record)
        answer.ClearField("vector")
    return Near(packed=answer.SerializeToString(), similarity=cosine)
