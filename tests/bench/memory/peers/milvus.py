"""Milvus Lite: Milvus as a library, in the caller's process. Its search is left out of the others' figures: it is 50 times slower."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.memory.workload import BEST, K, Workload, text

EMBEDDED = True
EFFORTS = (10, 16, 24, 32, 48, 64, 100, 200)
_BULK = 2000
_NAME = "bench"
_WHERE = {"all": "", "source": "source == 3", "best": f"score >= {BEST}"}


@contextmanager
def serving(folder: Path, before: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Nothing is started: its folder is its address, which it knows by the ending."""
    del before
    yield str(folder.with_suffix(".db")), os.getpid()


class Client:
    """The engine; any number of threads may use it."""

    def __init__(self, address: str, dimensions: int) -> None:
        from pymilvus import MilvusClient  # pyright: ignore[reportMissingImports]

        self._client = MilvusClient(uri=address)
        if self._client.has_collection(_NAME):
            self._client.load_collection(_NAME)
        else:
            self._begin(dimensions)

    def _begin(self, dimensions: int) -> None:
        from pymilvus import DataType  # pyright: ignore[reportMissingImports]

        schema, indexes = self._client.create_schema(auto_id=False), self._client.prepare_index_params()
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
        schema.add_field("source", DataType.INT64)
        schema.add_field("score", DataType.DOUBLE)
        schema.add_field("text", DataType.VARCHAR, max_length=2000)
        indexes.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 16, "efConstruction": 100})
        for name in ("source", "score"):
            indexes.add_index(name, index_type="INVERTED")
        self._client.create_collection(_NAME, schema=schema, index_params=indexes)
        self._client.load_collection(_NAME)

    def load(self, work: Workload) -> None:
        """Take in all records."""
        for first in range(0, len(work.vectors), _BULK):
            numbers = range(first, min(first + _BULK, len(work.vectors)))
            self.append(numbers, work.vectors[first : numbers.stop], work.sources[first : numbers.stop], work.scores[first : numbers.stop])

    def append(self, numbers: Sequence[int], vectors: Any, sources: Any, scores: Any) -> None:
        """In one call."""
        rows = zip(numbers, vectors, sources, scores, strict=True)
        self._client.insert(
            _NAME,
            [
                {"id": number, "vector": vector, "source": int(source), "score": float(score), "text": text(number)}
                for number, vector, source, score in rows
            ],
        )

    def search(self, query: Any, name: str, effort: int) -> list[int]:
        """Numbers of the nearest."""
        asked = {"metric_type": "IP", "params": {"ef": max(effort, K)}}
        found = self._client.search(
            _NAME, [query], _WHERE[name], limit=K, anns_field="vector", search_params=asked, output_fields=["text", "source", "score"]
        )
        return [int(hit["id"]) for hit in found[0]]

    def numbers(self) -> list[int]:
        """Of all that is there."""
        pages, found = self._client.query_iterator(_NAME, batch_size=_BULK, filter="id >= 0", output_fields=["id"]), list[int]()
        while page := pages.next():
            found += [int(row["id"]) for row in page]
        return found

    def close(self) -> None:
        """Leave."""
        self._client.close()
