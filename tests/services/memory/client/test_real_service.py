"""What only the real service can answer, asked from an event loop; the command line's tests ask the same from threads."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tandem_memory.client import AsyncMemory, Bounds, Filter, Judged, Memory, NotThereError, Pruned, Pruning, Record, RefusedError, Verified

from tests.services.memory.process import Service

_RECORDS = [
    Record(
        question=f"question {n} of {source}",
        answer="answer",
        source=source,
        score=score,
        at=datetime(2025, 11, 10 + n, tzinfo=UTC),
        cost_usd=Decimal("0.020"),
        verified=Verified.LABEL,
        metrics={"coherence": score},
        key=f"{source}-{n}",
    )
    for n in range(3)
    for source, score in (("cloud", 0.9), ("local", 0.5))
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("service")).start()
    yield made
    made.kill()


def test_every_method_has_its_answer(service: Service, tmp_path: Path) -> None:
    """Counts, means, uses, prunes, copies: as typed values, with nothing for what was not measured."""

    async def deed() -> None:
        async with AsyncMemory(service.address, "team", patience_s=120) as memory:
            ids = [each.id for each in await memory.append(_RECORDS)]
            assert await memory.judge([Judged(id=ids[0], gain=1.0, source="local", key="once")] * 2) == 1
            stats = await memory.stats(Filter(sources=["cloud"]))
            cloud = stats.by_source["cloud"]
            assert (stats.records, cloud.records, cloud.cost_usd, cloud.used_by, cloud.mean_gain) == (
                3,
                3,
                Decimal("0.060"),
                {"local": 1},
                1.0,
            )
            assert cloud.metrics["coherence"].mean == pytest.approx(0.9)
            (other,) = (await memory.stats(Filter(sources=["local"]))).by_source.values()
            assert other.mean_gain is None
            wanted = Filter(metrics={"coherence": Bounds(low=0.8)}, since=datetime(2025, 11, 11, tzinfo=UTC))
            assert {each.key async for each in memory.scan(wanted)} == {"cloud-1", "cloud-2"}
            exported = [message async for message in memory.export()]
            assert [Record.of(message).key for message in exported] == [each.key for each in _RECORDS]
            elsewhere = memory.but("elsewhere")
            assert (await elsewhere.import_(exported)).taken == 6
            assert (await elsewhere.import_(exported)).known == 6
            (copied,) = await elsewhere.get([(await elsewhere.search("question 0 of cloud", 1))[0].record.id])
            assert copied.use is not None
            assert (copied.use.times, copied.use.utility, copied.at) == (1, 1.0, _RECORDS[0].at)
            gone = await memory.prune(Pruning(keep_best=1, per_source=True))
            assert (gone.removed, gone.kept, gone.by_source) == (4, 2, {"cloud": 2, "local": 2})
            assert {each.name: each.records for each in await memory.namespaces()} == {"team": 2, "elsewhere": 6}
            assert (await memory.check()).findings == []
            assert (await memory.backup((tmp_path / "copy").as_uri())).records == 8

    asyncio.run(deed())


def test_a_prune_is_news(service: Service) -> None:
    """Watchers hear what went."""

    async def deed() -> None:
        async with AsyncMemory(service.address, "pruned", patience_s=120) as memory:
            await memory.append(_RECORDS)
            gone = await memory.prune(Pruning(before=datetime(2025, 11, 11, tzinfo=UTC)))
            async for news in memory.watch():
                if pruned := [change for change in news.changes if isinstance(change, Pruned)]:
                    assert sorted(pruned[0].ids) == sorted(gone.ids)
                    return

    asyncio.run(deed())


def test_a_record_that_was_found_is_no_new_one(service: Service) -> None:
    """What the service itself sets cannot be appended; the line says what to do. What is not there is said as that."""

    async def deed() -> None:
        async with AsyncMemory(service.address, "found", patience_s=120) as memory:
            with pytest.raises(NotThereError, match="'found' is not there yet"):
                await memory.search("anything")
            await memory.append(_RECORDS)
            (hit,) = await memory.search("question 1 of local", k=1)
            with pytest.raises(RefusedError, match=r"records\[0\]\.id") as caught:
                await memory.append([hit.record])
            assert caught.value.field == "records[0].id"

    asyncio.run(deed())


def test_texts_and_vectors_may_be_asked_with_together(service: Service) -> None:
    """They go in requests of their own, and answers come in the order that was asked."""
    with Memory(service.address, "mixed", patience_s=120) as memory:
        memory.append([Record(question=f"a question of {n} words") for n in range(40)])
        there = [(each.question, each.vector) for each in memory.scan(with_vectors=True)]
        asked = [one for question, vector in there for one in ((question, vector) if len(question) % 2 else (vector, question))]
        assert [hits[0].record.question for hits in memory.search_many(asked, k=1)] == [question for question, _ in there for _ in range(2)]


def test_a_writer_names_the_record_by_its_place_among_all(service: Service) -> None:
    """However the stream was cut into requests; and what came before it is durable."""

    async def deed() -> None:
        async with AsyncMemory(service.address, "places", patience_s=120) as memory:
            with pytest.raises(RefusedError, match=r"records\[703\]\.score: 2\.0") as caught:
                async with memory.writer() as writer:
                    await writer.write_all(records)
            assert caught.value.field == "records[703].score"

    records = [Record(question=f"{n}", key=f"{n}", score=2.0 if n == 703 else 0.5) for n in range(1500)]
    with Memory(service.address, "places", patience_s=120) as memory:
        with pytest.raises(RefusedError, match=r"records\[703\]\.score: 2\.0"), memory.writer() as writer:
            writer.write_all(records)
        assert {each.key for each in memory.scan()} >= {each.key for each in records[: writer.acknowledged]}
        with pytest.raises(RefusedError, match=r"queries\[101\]"):
            list(memory.search_many(["0"] * 101 + [""] + ["0"] * 200))
        with pytest.raises(ValueError, match="sources: 'cloud' is one text"):
            memory.search("0", where=Filter(sources="cloud"))
        with pytest.raises(ValueError, match="ids: '12' is one text"):
            memory.get("12")
        with pytest.raises(ValueError, match="verified: 'jury' is no kind of proof; use one of unsaid, none, label, agreement, judge"):
            memory.search("0", where=Filter(verified=["judge", "jury"]))
    asyncio.run(deed())


def test_an_import_that_is_refused_late_says_what_stays(service: Service) -> None:
    """The mended records are imported again as a whole, and each is there once."""
    records = [Record(question=f"{n}", key=f"{n}", answer="x" * 10_000, score=0.5) for n in range(1000)]
    wrong = [*records[:703], Record(question="703", key="703", score=2.0), *records[704:]]
    there = r"the (\d+) records before stay \(\1 new, 0 were there already\); mend the one that is named, then import it all again, "
    there += r"they are known by their keys$"

    async def deed() -> None:
        async with AsyncMemory(service.address, "late-async", patience_s=120) as memory:
            with pytest.raises(RefusedError, match=r"records\[703\]\.score: 2\.0.*" + there):
                await memory.import_(each.message() for each in wrong)

    with Memory(service.address, "late", patience_s=120) as memory:
        with pytest.raises(RefusedError, match=r"records\[703\]\.score: 2\.0.*" + there) as caught:
            memory.import_(each.message() for each in wrong)
        assert caught.value.field == "records[703].score"
        stayed = len([*memory.scan()])
        assert f"the {stayed} records" in str(caught.value)
        assert 0 < stayed <= 703
        done = memory.import_(each.message() for each in records)
        assert (done.taken, done.known) == (1000 - stayed, stayed)
        with pytest.raises(RefusedError, match=r"is not within 0 to 1; use a value in between$|is not within 0 to 1"):
            memory.but("late-new").import_([wrong[703].message()])
    asyncio.run(deed())
