"""Chroma as a server: HNSW over inner products. Its search width is fixed when a collection is made."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.memory.peers.environment import interpreter
from tests.bench.memory.workload import BEST, K, Workload, text

EMBEDDED = False
EFFORTS = (40,)
_BULK = 2000
_WHERE: dict[str, Any] = {"all": None, "source": {"source": 3}, "best": {"score": {"$gte": BEST}}}
_PATIENCE_S = 60


@contextmanager
def serving(folder: Path, before: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """The address and process of a server on `folder`, its command put behind `before`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = interpreter("chroma").with_name("chroma")
    with folder.with_name("chroma.log").open("ab") as log:
        command = [*before, interpreter("chroma"), program, "run", "--path", folder, "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=os.environ | {"ANONYMIZED_TELEMETRY": "False"}, stdout=log, stderr=log)
    try:
        _wait(port)
        yield f"127.0.0.1:{port}", process.pid
    finally:
        process.kill()
        process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


class Client:
    """One caller."""

    def __init__(self, address: str, dimensions: int) -> None:
        import chromadb  # pyright: ignore[reportMissingImports]
        from chromadb.config import Settings  # pyright: ignore[reportMissingImports]

        del dimensions
        host, port = address.split(":")
        client = chromadb.HttpClient(host=host, port=int(port), settings=Settings(anonymized_telemetry=False))
        shape = {"hnsw": {"space": "ip", "ef_construction": 100, "max_neighbors": 16, "ef_search": EFFORTS[0]}}
        self._collection = client.get_or_create_collection("bench", configuration=shape, embedding_function=None)

    def load(self, work: Workload) -> None:
        """Take in all records."""
        for first in range(0, len(work.vectors), _BULK):
            numbers = range(first, min(first + _BULK, len(work.vectors)))
            self.append(numbers, work.vectors[first : numbers.stop], work.sources[first : numbers.stop], work.scores[first : numbers.stop])

    def append(self, numbers: Sequence[int], vectors: Any, sources: Any, scores: Any) -> None:
        """In one call."""
        fields = [{"source": int(source), "score": float(score)} for source, score in zip(sources, scores, strict=True)]
        self._collection.add(
            ids=[str(number) for number in numbers], embeddings=vectors, metadatas=fields, documents=[text(number) for number in numbers]
        )

    def search(self, query: Any, name: str, effort: int) -> list[int]:
        """Numbers of the nearest."""
        del effort
        found = self._collection.query(
            query_embeddings=[query], n_results=K, where=_WHERE[name], include=["documents", "metadatas", "distances"]
        )
        return [int(each) for each in found["ids"][0]]

    def numbers(self) -> list[int]:
        """Of all that is there."""
        found = list[int]()
        while page := self._collection.get(limit=_BULK, offset=len(found), include=[])["ids"]:
            found += map(int, page)
        return found

    def close(self) -> None:
        """There is nothing to be left."""
