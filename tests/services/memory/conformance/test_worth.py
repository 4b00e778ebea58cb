"""What is known of records' worth, and what goes for it: of every backend."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Filter, ImportRequest, Judged, MetricStats, Record, Use
from tandem_memory import acceptance
from tandem_memory.acceptance.limits import Limits
from tandem_memory.backend import Pruning
from tandem_memory.embedded import Embedded

from tests.services.memory.driven import ALL, NAMESPACE, Driven, questions, record

from .conftest import NewMemory


def at(seconds: int) -> Timestamp:
    return Timestamp(seconds=seconds)


def unnamed(records: Sequence[Record]) -> list[Record]:
    """The records without their ids, which are each backend's own."""
    for each in records:
        each.ClearField("id")
    return list(records)


def test_judgements_add_up(memory: Driven) -> None:
    """What is told under a key counts once; without a key each time; of records that are gone never."""
    a, b = memory.ids(record("a", score=1), record("b", score=0))
    told = [Judged(id=a, gain=1, source="x", key="1"), Judged(id=a, gain=-0.5, source="y"), Judged(id=a, gain=1, source="x", key="1")]
    assert memory.judge(*told) == 2
    assert memory.judge(*told) == 1
    memory.again()
    assert memory.judge(told[0]) == 0
    assert memory.get(a)[0].use == Use(times=3, gain=0.0, by_source={"x": 1, "y": 2})
    memory.prune(Pruning(among=ALL, keep_best=1))
    assert memory.judge(Judged(id=b, gain=1)) == 0
    assert memory.get(a, b) == memory.get(a)


def test_use_is_searched_at_once(memory: Driven) -> None:
    """A filter on utility sees a judgement as soon as it is taken."""
    a, b = memory.ids(record("a"), record("b"))
    memory.judge(Judged(id=a, gain=-1), Judged(id=b, gain=0.5))
    assert questions([near.record for near in memory.search((1, 0, 0, 0), 5, Filter(min_utility=0.1))]) == ["b"]
    memory.judge(Judged(id=b, gain=-1))
    assert not memory.search((1, 0, 0, 0), 5, Filter(min_utility=0.1))


def test_keeps_the_best(memory: Driven) -> None:
    """The best by score, then utility, then age stay; the rest is not found, not read, and its key is free again."""
    a, b, c, d = memory.ids(record("a", score=0.5), record("b", score=0.5), record("c", key="c"), record("d", score=0.9))
    memory.judge(Judged(id=a, gain=1))
    pruning = Pruning(among=ALL, keep_best=2)
    dry = memory.prune(Pruning(among=ALL, keep_best=2, dry_run=True))
    assert (sorted(dry.ids), dry.kept) == (sorted([b, c]), 2)
    assert len(memory.scan()) == 4
    done = memory.prune(pruning)
    assert (sorted(done.ids), done.kept) == (sorted([b, c]), 2)
    for _ in range(2):
        assert questions(memory.scan()) == ["a", "d"]
        assert [each.id for each in memory.get(a, b, c, d)] == [a, d]
        assert len(memory.search((1, 0, 0, 0))) == 2
        memory.again()
    assert memory.prune(pruning).ids == []
    (again,) = memory.append(record("c", key="c"))
    assert not again.known
    assert again.id not in {a, b, c, d}


def test_prunes_within_each_source_and_filter(memory: Driven) -> None:
    """Each source keeps its best; what the filter leaves out is not touched."""
    memory.append(*(record(f"{source}{score}", source=source, score=score / 10) for source in "xyz" for score in range(4)))
    removed = memory.prune(Pruning(among=Filter(sources=["x", "y"]), keep_best=1, per_source=True))
    assert sorted(removed.sources) == ["x"] * 3 + ["y"] * 3
    assert removed.kept == 2
    assert questions(memory.scan()) == ["x3", "y3", "z0", "z1", "z2", "z3"]


def test_prunes_the_old_and_the_harmful(memory: Driven) -> None:
    """What was made before a moment goes, and what was used so often to a negative mean gain."""
    old, once, twice, good = memory.ids(record("old", at=at(999)), *(record(each, at=at(1000)) for each in ("once", "twice", "good")))
    memory.judge(
        Judged(id=once, gain=-1), Judged(id=twice, gain=-1), Judged(id=twice, gain=0.5), Judged(id=good, gain=1), Judged(id=good, gain=-1)
    )
    removed = memory.prune(Pruning(among=ALL, before=datetime.fromtimestamp(1000, UTC), harmful_after=2))
    assert sorted(removed.ids) == sorted([old, twice])
    assert questions(memory.scan()) == ["once", "good"]


def test_statistics(memory: Driven) -> None:
    """Counts, means and extremes are exact, by source, over what matches."""
    a, b, _ = memory.ids(
        record("a", source="x", score=0.5, metrics={"m": 1, "n": -2}, cost_usd="0.1", at=at(5)),
        record("b", source="x", metrics={"m": 4}, cost_usd="0.2", at=at(3)),
        record("c", source="y", score=0.25),
    )
    memory.judge(Judged(id=a, gain=1, source="y"), Judged(id=b, gain=-0.5, source="y"), Judged(id=b, gain=1, source="x"))
    memory.judge(Judged(id=b, gain=0.5))
    told = memory.stats()
    assert (told.records, told.dimension, told.embedding, told.changes) == (3, 4, "caller", 7)
    x = told.by_source["x"]
    assert (x.records, x.scored, x.mean_score, x.cost_usd, x.mean_gain) == (2, 1, 0.5, "0.3", 0.5)
    assert told.by_source["y"].cost_usd == "", "not said is not nothing"
    assert (x.uses, dict(x.used_by)) == (4, {"x": 1, "y": 2})
    assert (x.first_at.seconds, x.last_at.seconds) == (3, 5)
    assert x.metrics["m"] == MetricStats(count=2, mean=2.5, min=1, max=4)
    assert x.metrics["n"] == MetricStats(count=1, mean=-2, min=-2, max=-2)
    assert set(memory.stats(Filter(min_score=0.3)).by_source) == {"x"}
    assert not memory.stats(Filter(tags=["none"])).records


def test_export_and_back(memory: Driven, new_memory: NewMemory) -> None:
    """What is exported is taken back as it was, times and use included, once; judgements go on from there."""
    a, _ = memory.ids(record("a", key="a", at=at(7)), record("b", key="b"))
    memory.judge(Judged(id=a, gain=1, source="x"))
    exported = memory.export(vectors=True)
    other = new_memory()
    assert [each.known for each in other.take_back(*exported)] == [False, False]
    assert [each.known for each in other.take_back(*exported)] == [True, True]
    there = other.export(vectors=True)
    other.again()
    assert other.export(vectors=True) == there
    for each, original in zip(there, exported, strict=True):
        each.id = original.id
    assert there == exported
    assert [near.record.question for near in other.search((1, 0, 0, 0), 5, Filter(min_utility=1))] == ["a"]
    other.judge(Judged(id=other.scan()[0].id, gain=1, source="y"))
    assert other.scan()[0].use == Use(times=2, gain=2, by_source={"x": 1, "y": 1})
    assert other.watch().changes(1)[0].appended.use == exported[0].use


def test_an_export_is_of_one_moment(memory: Driven) -> None:
    """What is appended, removed and judged while an export is under way is not in it."""
    memory.append(*(record(str(number), score=number / 1000, metrics={"n": number}) for number in range(600)))

    async def exported() -> list[Record]:
        collected: list[Record] = []
        async for part in memory.backend.export(NAMESPACE, Filter(min_score=0.1), vectors=False):
            if not collected:
                await memory.backend.append(NAMESPACE, [record("late", score=1)], embedding="caller")
                await memory.backend.judge(NAMESPACE, [Judged(id=part[-1].id, gain=1)])
                await memory.backend.prune(NAMESPACE, Pruning(among=ALL, keep_best=10))
            collected += part
        return collected

    collected = memory.run(exported())
    assert questions(collected) == [str(number) for number in range(100, 600)]
    assert not any(each.use.times for each in collected)
    assert len(memory.scan()) == 10


def test_a_sound_memory(memory: Driven) -> None:
    """Nothing is found where nothing is wrong, also while it is written."""
    a, _ = memory.ids(record("a", key="a", score=1), record("b", key="b"))
    memory.judge(Judged(id=a, gain=1, key="j"), Judged(id=a, gain=1))
    memory.prune(Pruning(among=ALL, keep_best=1))
    memory.append(record(near=(1, 2)), namespace="other")
    assert memory.check() == (2, [])

    async def both() -> None:
        async def write() -> None:
            for number in range(50):
                await memory.backend.append(NAMESPACE, [record(str(number))], embedding="caller")
                await memory.backend.prune(NAMESPACE, Pruning(among=ALL, keep_best=5))

        writing = asyncio.create_task(write())
        while not writing.done():
            assert (await memory.backend.check())[1] == []
        await writing

    memory.run(both())


def test_a_copy(memory: Driven, tmp_path: Path) -> None:
    """A copy made while others write opens as a memory of its own, as it was at one moment."""
    memory.append(*(record(str(number), key=str(number)) for number in range(50)))

    async def copied() -> int:
        later = asyncio.create_task(memory.backend.append(NAMESPACE, [record("later")], embedding="caller"))
        count = await memory.backend.copy(tmp_path / "copy")
        await later
        return count

    count = memory.run(copied())
    copy = Driven(lambda: Embedded(tmp_path / "copy"))
    try:
        assert count == len(copy.scan()) >= 50
        assert unnamed(copy.scan()) == unnamed(memory.scan()[:count])
        assert copy.check() == (count, [])
        assert copy.append(record("0", key="0"))[0].known
    finally:
        copy.close()


@pytest.mark.parametrize("keep", [0, 100])
def test_prunes_all_or_nothing(memory: Driven, keep: int) -> None:
    """One may keep none, or more than there are; an empty memory is a memory."""
    memory.append(record("a"), record("b"))
    removed = memory.prune(Pruning(among=ALL, keep_best=keep))
    assert len(removed.ids) == (0 if keep else 2)
    memory.again()
    assert len(memory.scan()) == (2 if keep else 0)
    assert memory.stats().records == (2 if keep else 0)
    assert memory.append(record("c"))[0].known is False


def test_a_use_that_was_imported_at_its_end_counts_no_further(memory: Driven) -> None:
    """What is exported of it can be imported again, and again."""
    used = record("a", key="k", use=Use(times=2**53, gain=2.0**53, by_source={"x": 2**53}))
    (a,) = [each.id for each in memory.take_back(used)]
    assert memory.judge(Judged(id=a, gain=1, source="y")) == 1
    (kept,) = memory.get(a)
    assert kept.use == used.use
    kept.ClearField("id")
    acceptance.check_import(ImportRequest(namespace="n", records=[kept]), Limits())
