"""Ours: the service in a process of its own, asked by its client."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.memory.workload import BEST, HALF, LEFT, K, Workload, text

EMBEDDED = False
EFFORTS = (0,)  # it sets its effort itself
_BULK = 1000
_QUIET_S, _IDLE_TICKS = 3.0, 3  # hundredths of a second that looking for something to do takes meanwhile, at most


@contextmanager
def serving(folder: Path, before: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """The address and process of a service that keeps its records in `folder`, its command put behind `before`."""
    said = folder.with_name("tandem.address")
    said.unlink(missing_ok=True)
    environ = os.environ | {"TANDEM_MEMORY_FOLDER": str(folder), "TANDEM_MEMORY_ADDRESS_FILE": str(said)}
    with folder.with_name("tandem.log").open("ab") as log:
        process = subprocess.Popen([*before, sys.executable, "-m", "tandem_memory"], env=environ, stdout=log, stderr=log)
    try:
        while not said.exists():
            if process.poll() is not None:
                message = folder.with_name("tandem.log").read_text()
                raise RuntimeError(message)
            time.sleep(0.01)
        yield json.loads(said.read_text())["grpc"], process.pid
    finally:
        process.kill()
        process.wait()


class Client:
    """One caller."""

    def __init__(self, address: str, dimensions: int) -> None:
        from tandem_memory.client import Filter, Memory

        del dimensions
        self._memory = Memory(address, "bench", deadline_s=600)
        self._searcher, self._appender = self._memory.searcher(), self._memory.appender()
        self._filters = {"all": Filter(), "source": Filter(sources=["s3"]), "best": Filter(min_score=BEST), LEFT: Filter()}

    def load(self, work: Workload, count: int | None = None) -> None:
        """Take in all records, or so many of them."""
        count = len(work.vectors) if count is None else count
        for first in range(0, count, _BULK):
            numbers = range(first, min(first + _BULK, count))
            self.append(numbers, work.vectors[first : numbers.stop], work.sources[first : numbers.stop], work.scores[first : numbers.stop])

    def append(self, numbers: Sequence[int], vectors: Any, sources: Any, scores: Any) -> None:
        """Durably."""
        from tandem_memory.client import Record

        rows = zip(numbers, vectors, sources, scores, strict=True)
        records = [
            Record(question=text(number), source=f"s{source}", score=float(score), vector=vector, key=str(number))
            for number, vector, source, score in rows
        ]
        self._appender.append(records)

    def search(self, query: Any, name: str, effort: int) -> list[int]:
        """Numbers of the nearest."""
        del effort
        return [int(hit.record.key) for hit in self._searcher.search(query, K, self._filters[name])]

    def remove_worse(self) -> int:
        """Remove the half of the records that is worse; how many they were."""
        from tandem_memory.client import Filter, Pruning

        return self._memory.prune(Pruning(among=Filter(max_score=HALF), keep_best=0)).removed

    def numbers(self) -> list[int]:
        """Of all that is there."""
        return [int(record.key) for record in self._memory.scan()]

    def close(self) -> None:
        """Hang up."""
        self._appender.close()
        self._searcher.close()
        self._memory.close()


def settle(pid: int) -> None:
    """Wait until the service does nothing any more: its index is arranged. On a busy machine it may be let do little, which counts."""
    before, done = 0, _IDLE_TICKS + 1
    while done - before > _IDLE_TICKS:
        before = _processor_ticks(pid)
        time.sleep(_QUIET_S)
        done = _processor_ticks(pid)


def _processor_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
