"""For how long it is known what was removed or judged: of every backend."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from tandem.memory.v1.memory_pb2 import Change, Judged, Use
from tandem_memory.backend import Pruning
from tandem_memory.rules.remembering import KEPT

from tests.services.memory.driven import ALL, Clock, Driven, questions, record

KEEP_NONE = Pruning(among=ALL, keep_best=0)


def kinds(changes: Sequence[Change]) -> list[str | None]:
    return [each.WhichOneof("what") for each in changes]


def go(clock: Clock, part: float) -> None:
    """A part of the time for which things are known."""
    clock.go(part * KEPT / timedelta(seconds=1))


def test_a_judgement_is_known_again_for_as_long_as_it_is_kept(memory: Driven, clock: Clock) -> None:
    """Told again under its key within the time, also after a restart, it counts once; later it is a new one, every time."""
    (a,) = memory.ids(record("a"))
    judged = Judged(id=a, gain=1, source="x", key="k")
    for times in (1, 2, 3):
        assert memory.judge(judged) == 1
        go(clock, 0.9)
        memory.append(record())
        memory.again()
        assert memory.judge(judged) == 0
        assert memory.get(a)[0].use == Use(times=times, gain=times, by_source={"x": times})
        go(clock, 0.2)
        memory.append(record())
    assert memory.check() == (7, [])


def test_who_begins_anew_hears_the_sum_of_what_is_forgotten(memory: Driven, clock: Clock) -> None:
    """Records come with what they were judged and that is forgotten, then what is known: also to who broke off in between."""
    a, _ = memory.ids(record("a", score=1), record("b", score=0))
    memory.judge(Judged(id=a, gain=0.5, source="x", key="1"), Judged(id=a, gain=0.25, source="y"))
    memory.prune(Pruning(among=ALL, keep_best=1))
    go(clock, 1.1)
    memory.append(record("c", score=1), record("d", score=1))
    memory.judge(Judged(id=a, gain=1, source="x", key="2"))
    watcher = memory.watch()
    seen = watcher.changes(1)
    seen += memory.watch(watcher.cursor).changes(4 - len(seen)) if len(seen) < 4 else []
    assert questions([each.appended for each in seen[:3]]) == ["a", "c", "d"]
    assert seen[0].appended.use == Use(times=2, gain=0.75, by_source={"x": 1, "y": 1})
    assert seen[3].judged == Judged(id=a, gain=1, source="x", key="2")
    assert memory.get(a)[0].use == Use(times=3, gain=1.75, by_source={"x": 2, "y": 1})


def test_who_comes_back_in_time_misses_nothing(memory: Driven, clock: Clock) -> None:
    """A cursor that is younger than what is forgotten goes on without a gap."""
    (a,) = memory.ids(record("a"))
    watcher = memory.watch()
    watcher.changes(1)
    memory.judge(Judged(id=a, gain=1, source="x", key="1"))
    memory.prune(KEEP_NONE)
    go(clock, 0.9)
    memory.append(record("b"))
    memory.again()
    assert kinds(memory.watch(watcher.cursor).changes(3)) == ["judged", "pruned", "appended"]


def test_what_was_removed_is_forgotten_for_who_begins_anew(new_memory: Callable[[], Driven], clock: Clock) -> None:
    """Who begins after the time hears of what is there, and of nothing else."""
    memory = new_memory()
    memory.append(*(record(f"{number}") for number in range(5)))
    memory.prune(Pruning(among=ALL, keep_best=2))
    go(clock, 1.1)
    memory.append(record("new"))
    assert kinds(memory.watch().changes(3)) == ["appended"] * 3
    assert memory.check() == (3, [])
