"""Qdrant edge: the engine of Qdrant as a library in the caller's process, without a wire."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.memory.workload import BEST, K, Workload, text

EMBEDDED = True
EFFORTS = (10, 16, 24, 32, 40, 48, 64, 80, 100, 128, 160, 200)
_BULK = 2000


@contextmanager
def serving(folder: Path, before: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Nothing is started: its folder is its address."""
    del before
    yield str(folder), os.getpid()


class Client:
    """The engine; any number of threads may use it."""

    def __init__(self, address: str, dimensions: int) -> None:
        import qdrant_edge as edge  # pyright: ignore[reportMissingImports]

        self._edge = edge
        if Path(address).exists():
            self._shard = edge.EdgeShard.load(address)
            return
        Path(address).mkdir()
        self._shard = edge.EdgeShard.create(
            address,
            edge.EdgeConfig(
                vectors=edge.EdgeVectorParams(size=dimensions, distance=edge.Distance.Dot),
                hnsw_config=edge.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=1000),
            ),
        )
        for name, kind in (("source", edge.PayloadSchemaType.Integer), ("score", edge.PayloadSchemaType.Float)):
            self._shard.update(edge.UpdateOperation.create_field_index(name, kind))

    def load(self, work: Workload) -> None:
        """Take in all records, and build the index."""
        for first in range(0, len(work.vectors), _BULK):
            numbers = range(first, min(first + _BULK, len(work.vectors)))
            self.append(numbers, work.vectors[first : numbers.stop], work.sources[first : numbers.stop], work.scores[first : numbers.stop])
        self._shard.optimize()
        self._shard.flush()

    def append(self, numbers: Sequence[int], vectors: Any, sources: Any, scores: Any) -> None:
        """Durably."""
        point = self._edge.Point
        rows = zip(numbers, vectors, sources, scores, strict=True)
        points = [
            point(number, vector.tolist(), {"source": int(source), "score": float(score), "text": text(number)})
            for number, vector, source, score in rows
        ]
        self._shard.update(self._edge.UpdateOperation.upsert_points(points))
        self._shard.flush()

    def search(self, query: Any, name: str, effort: int) -> list[int]:
        """Numbers of the nearest."""
        edge = self._edge
        conditions = {
            "source": lambda: edge.FieldCondition(key="source", match=edge.MatchValue(3)),
            "best": lambda: edge.FieldCondition(key="score", range=edge.RangeFloat(gte=BEST)),
        }
        request = edge.QueryRequest(
            query=edge.Query.Nearest(query.tolist()),
            limit=K,
            filter=edge.Filter(must=[conditions[name]()]) if name in conditions else None,
            params=edge.SearchParams(hnsw_ef=effort),
            with_payload=True,
            with_vector=False,
        )
        return [point.id for point in self._shard.query(request)]

    def numbers(self) -> list[int]:
        """Of all that is there."""
        found, offset = list[int](), None
        while True:
            asked = self._edge.ScrollRequest(offset=offset, limit=_BULK, with_payload=False, with_vector=False)
            points, offset = self._shard.scroll(asked)
            found += [point.id for point in points]
            if offset is None:
                return found

    def close(self) -> None:
        """Leave."""
        self._shard.close()
