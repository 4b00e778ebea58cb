"""Snapshots: what is written down, read back, and refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tandem.memory.v1.memory_pb2 import Filter, MetricRange, Record
from tandem_memory.index import Index, SnapshotError

from tests.services.memory.index.conftest import resident, rewrite_manifest

RANDOM = np.random.default_rng(3)
VECTORS = RANDOM.standard_normal((5000, 16)).astype(np.float32)
FILTERS = (
    Filter(),
    Filter(sources=["ä"]),
    Filter(tags=["even"]),
    Filter(min_score=0.9),
    Filter(metrics=[MetricRange(metric="coherence", min=0.5)]),
    Filter(min_utility=0.5),
    Filter(not_source_hash="hash 3"),
)


def record(number: int) -> Record:
    made = Record(source="äb"[number % 2], tags=["even"] if number % 2 == 0 else [], score=number % 100 / 100, source_hash=f"hash {number}")
    if number % 3 == 0:
        made.metrics["coherence"] = number % 7 / 7
    return made


def add(index: Index, first: int, last: int) -> None:
    index.add(np.arange(first, last, dtype=np.uint64), VECTORS[first:last], [record(number) for number in range(first, last)])
    index.covers = last - 1


def answers(index: Index) -> list[Any]:
    return [(index.matching(wanted).tolist(), index.search(VECTORS[:20], 5, wanted)) for wanted in FILTERS]


def filled(last: int) -> Index:
    index = Index(16)
    add(index, 1, last)
    index.remove(range(10, 20))
    index.judge(5, 2, 1.5)
    return index


def test_what_is_read_back_answers_as_before(tmp_path: Path) -> None:
    """Every search, every filter, to the last bit; also the index that was saved goes on."""
    index = filled(4500)
    before = answers(index)
    index.save(tmp_path)
    assert answers(index) == before
    read = Index.load(tmp_path, 16)
    assert read.covers == 4499
    assert answers(read) == before


def test_a_snapshot_is_gone_on_from(tmp_path: Path) -> None:
    """Saved, loaded, changed and saved again, it is the index that was never saved; rows that are down are not written again."""
    index = filled(4500)
    for first in (4500, 4600, 4900):
        index.save(tmp_path)
        index = Index.load(tmp_path, 16)
        add(index, first, min(first + 300, 5000))
        index.remove([first + 1])
    index.save(tmp_path)
    straight = filled(4500)
    add(straight, 4500, 5000)
    straight.remove([4501, 4601, 4901])
    assert answers(Index.load(tmp_path, 16)) == answers(straight) == answers(index)
    assert len(list(tmp_path.glob("rows-*"))) == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_an_empty_index_can_be_saved(tmp_path: Path) -> None:
    """A namespace whose records were all removed, or that has none yet."""
    Index(16).save(tmp_path)
    assert Index.load(tmp_path, 16).matching(Filter()).tolist() == []


def test_what_is_not_as_it_was_written_is_refused(tmp_path: Path) -> None:
    """One bit in any file, a file that is shorter, or none at all."""
    filled(3000).save(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        for broken in (whole[:-2], b"", whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 4]) + whole[len(whole) // 2 + 1 :]):
            path.write_bytes(broken)
            with pytest.raises(SnapshotError):
                Index.load(tmp_path, 16)
        path.unlink()
        with pytest.raises(SnapshotError):
            Index.load(tmp_path, 16)
        path.write_bytes(whole)
    Index.load(tmp_path, 16)


def test_a_snapshot_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Another dimension, or a format that this program does not know."""
    filled(100).save(tmp_path)
    with pytest.raises(SnapshotError, match="of 16 dimensions, this namespace has 8"):
        Index.load(tmp_path, 8)
    rewrite_manifest(tmp_path, lambda said: said | {"format": 99})
    with pytest.raises(SnapshotError, match="format 99"):
        Index.load(tmp_path, 16)
    with pytest.raises(SnapshotError):
        Index.load(tmp_path / "nothing", 16)


def test_a_save_that_fails_leaves_the_snapshot_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up in the middle of it: what was there is there still, and the index works on."""
    index = filled(2000)
    index.save(tmp_path)
    before = answers(index)
    add(index, 2000, 2500)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        index.save(tmp_path)
    monkeypatch.undo()
    assert answers(Index.load(tmp_path, 16)) == before
    index.save(tmp_path)
    assert answers(Index.load(tmp_path, 16)) == answers(index)


def test_what_was_read_or_written_once_is_let_go(tmp_path: Path) -> None:
    """The page cache had better hold rows; not of a file system that is nothing but memory."""
    index = filled(4500)
    index.save(tmp_path)
    Index.load(tmp_path, 16)
    (columns,) = tmp_path.glob("columns-*")
    (rows,) = tmp_path.glob("rows-*")
    assert resident(rows).all()
    assert not resident(columns).any() or mounted(tmp_path) == "tmpfs"


def mounted(path: Path) -> str:
    """The kind of file system that a path is on."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return max((words for words in mounts if path.is_relative_to(words[1])), key=lambda words: len(words[1]))[2]
