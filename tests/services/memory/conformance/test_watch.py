"""Changes are told once, in their order, to everybody who goes on from where they were: of every backend."""

import pytest
from tandem.memory.v1.memory_pb2 import Change, Filter, Judged
from tandem_memory.backend import CursorError, Pruning

from tests.services.memory.driven import Driven, record, vector


def told(changes: list[Change]) -> list[str]:
    """In short."""
    words = {
        "appended": lambda change: change.appended.question,
        "pruned": lambda change: f"-{','.join(change.pruned.ids)}",
        "judged": lambda change: f"{change.judged.id}:{change.judged.gain:+}",
    }
    return [words[str(change.WhichOneof("what"))](change) for change in changes]


def test_all_there_is_then_live(memory: Driven) -> None:
    """A watcher is told what there is, then what comes, then that nothing comes."""
    a, b = memory.ids(record("a"), record("b"))
    watcher = memory.watch()
    assert told(watcher.changes(2)) == ["a", "b"]
    assert watcher.silent()
    memory.append(record("c"))
    memory.judge(Judged(id=a, gain=1))
    memory.prune(Pruning(among=Filter(), keep_best=2))
    assert told(watcher.changes(3)) == ["c", f"{a}:+1.0", f"-{b}"]


def test_before_the_namespace(memory: Driven) -> None:
    """One may watch for a namespace that is not there yet."""
    watcher = memory.watch()
    assert watcher.silent()
    assert watcher.cursor == ""
    memory.append(record("first"))
    assert told(watcher.changes(1)) == ["first"]


def test_all_is_new_where_nothing_was(memory: Driven) -> None:
    """Who was told that there is nothing yet misses nothing that comes, here or when it goes on elsewhere."""
    watcher = memory.watch(only_new=True)
    assert watcher.silent()
    assert watcher.cursor == ""
    memory.append(record("first"), record("second"))
    assert told(watcher.changes(2)) == ["first", "second"]
    assert told(memory.watch("").changes(2)) == ["first", "second"]


def test_only_new(memory: Driven) -> None:
    """Who wants only what is new is told nothing older, and can go on from a cursor at once."""
    memory.append(record("old"))
    watcher = memory.watch(only_new=True)
    memory.append(record("new"))
    assert told(watcher.changes(1)) == ["new"]
    quiet = memory.watch(only_new=True)
    assert quiet.silent()
    memory.append(record("newer"))
    assert told(memory.watch(quiet.cursor).changes(1)) == ["newer"]


def test_goes_on_from_a_cursor(memory: Driven) -> None:
    """From any cursor, also after a restart, comes what followed it: nothing twice, nothing left out."""
    everything, seen, cursor = list[str](), list[str](), ""
    for number in range(6):
        memory.append(*(record(f"{number}/{each}") for each in range(300)))
        everything += [f"{number}/{each}" for each in range(300)]
        watcher = memory.watch(cursor)
        seen += told(watcher.changes(300 if number % 2 else 1))
        cursor = watcher.cursor
        memory.again()
    seen += told(memory.watch(cursor).changes(len(everything) - len(seen)))
    assert seen == everything


def test_cursors_of_others(memory: Driven) -> None:
    """A cursor of another namespace, or of none, is refused."""
    memory.append(record())
    memory.append(record(), namespace="other")
    watcher = memory.watch(namespace="other")
    watcher.changes(1)
    for wrong in (watcher.cursor, "1", "x", f"{watcher.cursor}0000"):
        with pytest.raises(CursorError):
            memory.watch(wrong).changes(1)
    with pytest.raises(CursorError):
        memory.watch(watcher.cursor, namespace="not there yet").changes(1)


def test_what_is_wanted(memory: Driven) -> None:
    """Appended records that do not match are left out; the cursor goes on over them all the same."""
    wanted = Filter(sources=["x"])
    watcher = memory.watch(wanted=wanted, vectors=True)
    memory.append(record("a", source="x"), *(record("no", source="y") for _ in range(600)), record("b", source="x"))
    changes = watcher.changes(2)
    assert told(changes) == ["a", "b"]
    assert changes[0].appended.vector == vector(1, 0, 0, 0)
    memory.append(record("no", source="y"))
    assert watcher.silent()
    memory.append(record("c", source="x"))
    assert told(memory.watch(watcher.cursor, wanted).changes(1)) == ["c"]


def test_what_is_gone_is_not_told(memory: Driven) -> None:
    """To who was not there, a record that is gone again is not told, but that it went is."""
    a, b = memory.ids(record("a", score=0.1), record("b", score=0.9))
    memory.prune(Pruning(among=Filter(), keep_best=1))
    assert told(memory.watch().changes(2)) == ["b", f"-{a}"]
    assert memory.get(a, b)[0].question == "b"
