"""What becomes of the slots of removed records when an index is written down."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, MetricRange, Record
from tandem_memory.index import Index, compaction

from tests.services.memory.index.conftest import settle

COUNT = 12_000
RANDOM = np.random.default_rng(9)
VECTORS = RANDOM.standard_normal((COUNT, 16)).astype(np.float32)
FILTERS = (Filter(), Filter(sources=["s1"]), Filter(tags=["b"]), Filter(min_utility=1), Filter(metrics=[MetricRange(metric="m", max=3)]))


def record(number: int) -> Record:
    made = Record(source=f"s{number % 3}", tags=["a", "b", "c"][: number % 4], score=number / COUNT)
    if number % 5 == 0:
        made.metrics["m"] = number % 7
    made.use.times, made.use.gain = 1, number % 2 + 0.0
    return made


def add(index: Index, first: int, last: int) -> None:
    index.add(np.arange(first, last, dtype=np.uint64), VECTORS[first:last], [record(number) for number in range(first, last)])


def answers(index: Index) -> list[Any]:
    return [(index.matching(wanted).tolist(), index.search(VECTORS[:30], 10, wanted)) for wanted in FILTERS]


@pytest.fixture
def pruned() -> Index:
    """Three quarters of all records are gone; some of those that are left are sealed, some are not."""
    index = Index(16)
    add(index, 0, 9000)
    settle(index)
    add(index, 9000, 10_000)
    index.remove([number for number in range(10_000) if number % 4 or number > 9900])
    return index


def test_slots_are_won_back_and_answers_stay(pruned: Index, tmp_path: Path) -> None:
    """A quarter of the rows is in the file, and nobody can tell otherwise; also after reading it back, and going on."""
    before = answers(pruned)
    pruned.save(tmp_path)
    assert pruned._view.count == len(pruned) < 2500
    assert next(tmp_path.glob("rows-*")).stat().st_size == len(pruned) * 16 * 4
    assert answers(pruned) == before
    read = Index.load(tmp_path, 16)
    assert answers(read) == before
    for index in (pruned, read):
        add(index, 10_000, COUNT)
        index.judge(8, 3, 9.0)
        settle(index)
    assert answers(read) == answers(pruned)
    assert pruned.matching(Filter(min_utility=3)).tolist() == [8]


def test_a_few_dead_slots_are_left(tmp_path: Path) -> None:
    """Moving everything for a few would cost more than it gives."""
    index = Index(16)
    add(index, 0, 5000)
    index.remove(range(2000))
    index.save(tmp_path)
    assert index._view.count == 5000


def test_what_nobody_measured_any_more(tmp_path: Path) -> None:
    """Facts are told, and filters hold, when all that had some metric are gone and their slots won back."""
    index = Index(16)
    add(index, 0, 5000)
    index.remove([number for number in range(5000) if number % 5 == 0 or number > 1000])
    index.save(tmp_path)
    assert index._view.count == len(index) == 800
    for there in (index, Index.load(tmp_path, 16)):
        assert there.columns([1, 5, 6]).positions.tolist() == [1, 6]
        assert there.matching(FILTERS[-1]).tolist() == []


def test_what_happens_meanwhile_is_taken_over(pruned: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adds, removals and judgements between the first look and the last step."""
    done: list[bool] = []

    def change() -> None:
        add(pruned, 10_000, 10_500)
        pruned.remove([0, 4, 10_007])
        pruned.judge(8, 1, 5.0)

    def prepare(*args: Any) -> compaction.Prepared:
        prepared = original(*args)
        thread = threading.Thread(target=change)
        thread.start()
        thread.join()
        done.append(True)
        return prepared

    original = compaction.prepare
    monkeypatch.setattr(compaction, "prepare", prepare)
    pruned.save(tmp_path)
    assert done
    straight = Index(16)
    add(straight, 0, 10_000)
    straight.remove([number for number in range(10_000) if number % 4 or number > 9900])
    add(straight, 10_000, 10_500)
    straight.remove([0, 4, 10_007])
    straight.judge(8, 1, 5.0)
    assert answers(pruned) == answers(straight)
    assert answers(Index.load(tmp_path, 16)) == answers(straight)


def test_a_full_disk_changes_nothing(pruned: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index goes on as it is, and wins the slots back when there is room."""
    before = answers(pruned)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compaction.files, "append_rows", full)
    with pytest.raises(OSError, match="No space"):
        pruned.save(tmp_path)
    monkeypatch.undo()
    assert answers(pruned) == before
    assert pruned._view.count == 10_000
    pruned.save(tmp_path)
    assert answers(pruned) == before
    assert len(list(tmp_path.glob("rows-*"))) == 1
