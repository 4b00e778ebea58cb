"""Snapshots of indexes: they make a start fast, and are never believed against the log."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tandem.memory.v1.memory_pb2 import Filter, Judged
from tandem_memory.backend import DamagedError, Pruning, StoreFullError
from tandem_memory.embedded import Embedded
from tandem_memory.index import Index

from tests.services.memory.driven import NAMESPACE, Driven, questions, record


def snapshot(memory: Driven) -> Path:
    assert isinstance(memory.backend, Embedded)
    (folder,) = memory.backend._indexes._folder.iterdir()
    return folder


def known(memory: Driven) -> list[str]:
    """All that is searched, nearest first."""
    return questions([near.record for near in memory.search((1, 0, 0, 0), 1000)])


def test_a_start_reads_the_snapshot(memory: Driven, added: list[int]) -> None:
    """After an orderly end nothing is taken from the log; after a crash what came since the snapshot is."""
    ids = memory.ids(*(record(str(number), near=(1, number, 0, 0), score=number) for number in range(30)))
    memory.again()
    added.clear()
    memory.again()
    assert added == []
    before = memory.backend
    assert isinstance(before, Embedded)
    before._upkeep.close()
    before._indexes.save = lambda _: None  # as if it were killed
    memory.ids(record("new", near=(1, 30, 0, 0), score=30))
    memory.judge(Judged(id=ids[3], gain=-1), Judged(id=ids[29], gain=1))
    memory.prune(Pruning(among=Filter(max_score=5), keep_best=3))
    added.clear()
    memory.again()
    assert sum(added) == 1
    assert known(memory) == [*map(str, range(3, 30)), "new"]
    assert questions([near.record for near in memory.search((1, 0, 0, 0), 9, Filter(min_utility=0.5))]) == ["29"]
    assert memory.check() == (28, [])


def cut(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1])


def flip(folder: Path) -> None:
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def ahead(folder: Path) -> None:
    """A sound snapshot of a log that was longer."""
    index = Index.load(folder, 4)
    index.covers += 1
    index.save(folder)


@pytest.mark.parametrize("harm", [cut, flip, empty, ahead])
def test_a_damaged_snapshot(memory: Driven, harm: Callable[[Path], None], added: list[int], caplog: pytest.LogCaptureFixture) -> None:
    """A snapshot that is not as it was written, or of another log, costs one line and the time to build the index anew."""
    memory.append(*(record(str(number), near=(1, number, 0, 0)) for number in range(30)))
    folder = snapshot_after_close(memory)
    harm(folder)
    added.clear()
    with caplog.at_level(logging.WARNING, "tandem_memory"):
        memory.backend = memory._open()
    assert sum(added) == 30
    (line,) = caplog.messages
    assert NAMESPACE in line
    assert known(memory) == list(map(str, range(30)))
    memory.again()
    assert sum(added) == 30


def snapshot_after_close(memory: Driven) -> Path:
    folder = memory.backend._indexes._folder
    memory.close()
    (only,) = folder.iterdir()
    return only


def test_a_damaged_record(memory: Driven, caplog: pytest.LogCaptureFixture) -> None:
    """One record that is not as it was written is named and not found; all others are served."""
    ids = memory.ids(*(record(f"question {number}", near=(1, number, 0, 0)) for number in range(9)))
    memory.judge(Judged(id=ids[0], gain=1, source="judge of the first"))
    folder = snapshot_after_close(memory)
    log = folder.parents[1] / "log" / "data.mdb"
    log.write_bytes(log.read_bytes().replace(b"question 4", b"question 5"))
    empty(folder)
    memory.backend = memory._open()
    (line,) = [each.message for each in caplog.records if each.levelno == logging.ERROR]
    assert "records 1/5: not as it was written" in line
    assert known(memory) == [f"question {number}" for number in range(9) if number != 4]
    with pytest.raises(DamagedError):
        memory.get(ids[4])
    assert memory.get(ids[5])[0].question == "question 5"
    assert ("records 1/5", "not as it was written") in [(each.where, each.what) for each in memory.check()[1]]


def test_a_damaged_judgement(memory: Driven) -> None:
    """A change that is not as it was written, behind a snapshot, costs the snapshot and nothing else."""
    ids = memory.ids(record("a"), record("b", near=(1, 1, 0, 0)))
    memory.again()
    memory.backend._upkeep.close()
    memory.backend._indexes.save = lambda _: None  # as if it were killed
    memory.judge(Judged(id=ids[0], gain=1, source="a source of that name"))
    log = snapshot_after_close(memory).parents[1] / "log" / "data.mdb"
    log.write_bytes(log.read_bytes().replace(b"\x1a\x15a source of that name", b"\x1a\x15a source of this name"))
    memory.backend = memory._open()
    assert known(memory) == ["a", "b"]
    assert len(memory.search((1, 0, 0, 0), 9, Filter(min_utility=0.5))) == 1
    assert [each.where for each in memory.check()[1]] == ["changes 1/3"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("No space left on device")])
def test_no_room_for_a_snapshot(
    memory: Driven, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A snapshot that cannot be written is told in the log, whatever is raised for it, and no harm."""
    memory.append(record("a"))
    monkeypatch.setattr(Index, "save", lambda *_: (_ for _ in ()).throw(error))
    memory.again()
    assert "No space left on device" in caplog.text
    assert known(memory) == ["a"]


def test_snapshots_while_it_runs(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many changes a snapshot is written without being asked for."""
    monkeypatch.setattr("tandem_memory.embedded.upkeep._LEAST_CHANGES", 10)
    memory.append(*(record(str(number)) for number in range(25)))

    while not list(memory.backend._indexes._folder.glob("*/manifest.json")):
        time.sleep(0.01)
    assert Index.load(snapshot(memory), 4).covers == 25


def test_an_index_that_fails(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer whose record is durable but could not be indexed is told so; the next who asks under its key finds it."""
    memory.append(record("a", near=(1, 0, 0, 0)))
    with monkeypatch.context() as broken:
        broken.setattr(Index, "add", lambda *_: (_ for _ in ()).throw(MemoryError("no memory")))
        with pytest.raises(MemoryError):
            memory.append(record("b", near=(1, 1, 0, 0), key="b"))
    assert memory.append(record("b", key="b"))[0].known
    memory.append(record("c", near=(1, 2, 0, 0)))
    assert known(memory) == ["a", "b", "c"]


def test_a_write_that_was_broken_off_and_taken(memory: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails while it takes a group, nobody is told a position twice, and what it took is found."""
    memory.append(record("a"))
    store = memory.backend._store
    with monkeypatch.context() as broken:
        write = store._environment.write

        def taken(work: object) -> None:
            write(work)
            raise StoreFullError

        broken.setattr(store._environment, "write", taken)
        with pytest.raises(StoreFullError):
            memory.append(record("b", near=(1, 1, 0, 0), key="b"))
    again, new = memory.append(record("b", key="b"), record("c", near=(1, 2, 0, 0)))
    assert (again.known, again.id, new.id) == (True, "2", "3")
    assert known(memory) == ["a", "b", "c"]
    assert memory.check() == (3, [])
