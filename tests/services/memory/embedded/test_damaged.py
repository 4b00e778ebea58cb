"""Records that are not as they were written: named, and passed over by who asked for that."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tandem.memory.v1.memory_pb2 import Judged
from tandem_memory.backend import DamagedError
from tandem_memory.embedded import Embedded, readings

from tests.services.memory.driven import ALL, NAMESPACE, Driven, Watcher, questions, record

WHO = b"somebody in particular"


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    monkeypatch.setattr(readings, "_MOST_RECORDS", 3)
    monkeypatch.setattr(readings, "_MOST_CHANGES", 3)
    driven = Driven(lambda: Embedded(tmp_path / "memory"))
    yield driven
    driven.close()


def damage(memory: Driven, *texts: bytes) -> None:
    """Flip a bit in each of these, on the disk."""
    log = memory.backend._store._environment.folder / "data.mdb"
    memory.close()
    content = log.read_bytes()
    for text in texts:
        assert content.count(text)
        content = content.replace(text, bytes([text[0] ^ 1]) + text[1:])
    log.write_bytes(content)
    memory.backend = memory._open()


def exported(memory: Driven, damaged: Callable[[DamagedError], None] | None) -> list[str]:
    async def collected() -> list[Any]:
        return [each async for part in memory.backend.export(NAMESPACE, ALL, vectors=True, damaged=damaged) for each in part]

    return questions(memory.run(collected()))


def watching(memory: Driven, damaged: Callable[[DamagedError], None] | None) -> Watcher:
    async def begun() -> Any:
        return memory.backend.watch(NAMESPACE, "", ALL, only_new=False, vectors=False, damaged=damaged)

    return Watcher(memory.run, memory.run(begun()))


def test_an_export_passes_over_what_is_damaged(memory: Driven) -> None:
    """Each is named once, wherever it stands; without being asked to, the export ends there."""
    memory.append(*(record(f"question {number}") for number in range(10)))
    damage(memory, b"question 0", b"question 5", b"question 9")
    told = list[DamagedError]()
    assert exported(memory, told.append) == [f"question {number}" for number in (1, 2, 3, 4, 6, 7, 8)]
    assert [each.where for each in told] == ["records 1/1", "records 1/6", "records 1/10"]
    with pytest.raises(DamagedError, match="records 1/1"):
        exported(memory, None)


def test_a_watch_passes_over_what_is_damaged(memory: Driven) -> None:
    """Records and what happened to them; who goes on from a later cursor does not meet it again."""
    ids = memory.ids(*(record(f"question {number}") for number in range(8)))
    memory.again()  # with a snapshot of the index, which a damaged judgement is no harm to
    memory.judge(Judged(id=ids[7], gain=1, source=WHO.decode(), key="told"))
    memory.append(record("question 8"))
    damage(memory, b"question 0", b"question 5", WHO + b'"\x04told')
    told = list[DamagedError]()
    watcher = watching(memory, told.append)
    assert [change.appended.question for change in watcher.changes(7)] == [f"question {number}" for number in (1, 2, 3, 4, 6, 7, 8)]
    assert [each.where for each in told] == ["records 1/1", "records 1/6", "changes 1/9"]
    memory.append(record("question 9"))
    assert [change.appended.question for change in memory.watch(watcher.cursor).changes(1)] == ["question 9"]
    with pytest.raises(DamagedError, match="records 1/1"):
        watching(memory, None).changes(1)


def test_what_is_damaged_is_told_where_nothing_else_is(memory: Driven) -> None:
    """The place behind it comes with that, so that nobody stays before it."""
    memory.append(record("question 0"))
    damage(memory, b"question 0")
    told = list[DamagedError]()
    watcher = watching(memory, told.append)
    assert watcher.silent()
    assert [each.where for each in told] == ["records 1/1"]
    assert watcher.cursor.endswith(".1")
