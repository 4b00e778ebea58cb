"""The index alone, in this process and one thread: recall, and processor time for a search, against multiplying every row."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tandem.memory.v1.memory_pb2 import Filter, Record

from tests.bench.memory.line import say
from tests.bench.memory.workload import BEST, FILTERS, K, Workload, recall

FLOOR_RECALL = 0.95
FLOOR_ADD = 20_000  # ten times what single appends come to, so that the index is not what they wait for
_FILTERS = {"all": Filter(), "source": Filter(sources=["s3"]), "best": Filter(min_score=BEST)}
_BATCH = 8  # queries that wait together when as many clients search
_ADD = 1000


def measure(work: Workload) -> None:
    """Tell recall and rates, before and after it is arranged, and what a snapshot costs."""
    from tandem_memory.index import Index

    index = Index(work.vectors.shape[1])
    seconds = processor_seconds(lambda: _fill(index, work))
    say(
        "memory_index_add",
        len(work.vectors) / seconds,
        "records per core second",
        floor=20_000.0,
        ratio=len(work.vectors) / seconds / 20_000,
    )
    _searches(index, work, "tail")
    seconds = processor_seconds(lambda: _settle(index))
    say("memory_index_arrange", len(work.vectors) / seconds, "records per core second")
    _searches(index, work, "arranged")
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        index.save(Path(folder))
        saved = time.perf_counter()
        Index.load(Path(folder), index.dimension)
        say("memory_index_save", saved - began, "s")
        say("memory_index_load", time.perf_counter() - saved, "s")


def processor_seconds(work: Callable[[], object]) -> float:
    """Of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _fill(index: Any, work: Workload) -> None:
    for first in range(0, len(work.vectors), _ADD):
        numbers = range(first, min(first + _ADD, len(work.vectors)))
        records = [Record(source=f"s{work.sources[number]}", score=work.scores[number]) for number in numbers]
        index.add(np.arange(numbers.start + 1, numbers.stop + 1, dtype=np.uint64), work.vectors[numbers.start : numbers.stop], records)
        index.upkeep()


def _settle(index: Any) -> None:
    time.sleep(0.5)  # so that it takes itself to be quiet
    while index.upkeep():
        pass


def _searches(index: Any, work: Workload, state: str) -> None:
    for name in FILTERS:
        wanted, nearest = _FILTERS[name], work.nearest(name)
        found = index.search(work.queries[: len(nearest)], K, wanted)
        reached = recall([[position - 1 for position, _ in hits] for hits in found], nearest)
        say(f"memory_index_recall_{state}_{name}", reached, "part", floor=FLOOR_RECALL, ratio=reached / FLOOR_RECALL)
        for batch in (1, _BATCH):
            ours = _rate(work, batch, lambda queries, wanted=wanted: index.search(queries, K, wanted))
            rows = work.vectors[work.admitted(name)]
            exact = _rate(work, batch, lambda queries, rows=rows: np.argpartition(queries @ rows.T, -K, axis=1))
            say(f"memory_index_search_{state}_{name}_{batch}", ours, "queries per core second", peer=exact, ratio=ours / exact)


def _rate(work: Workload, batch: int, search: Callable[[Any], object]) -> float:
    """Queries for each second of processor time."""
    parts = [np.array(work.queries[at : at + batch]) for at in range(0, min(25 * batch, len(work.queries) - batch), batch)]
    search(parts[0])
    return batch * len(parts) / processor_seconds(lambda: [search(part) for part in parts])
