"""Stores that move from a disk to a cluster and back."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Judged, Record, Verified
from tandem_memory.backend import Appended, Backend, Pruning, StoreUnavailableError
from tandem_memory.cassandra import Clustered
from tandem_memory.embedded import Embedded
from tandem_memory.moves.migration import Migrated, MigrationError, migrate

from tests.services.memory.driven import ALL, NAMESPACE, record

pytestmark = pytest.mark.xdist_group("cassandra")
RECORDS = [
    record(
        f"{number}",
        key=f"k{number}" if number % 3 else "",
        near=(1, number, 0, 0),
        source="cloud",
        at=Timestamp(seconds=number, nanos=number),
        score=number / 300,
        agreement=0.5,
        metrics={"n": number},
        tags=["a"],
        verified=Verified.VERIFIED_JUDGE,
        cost_usd="0.01",
    )
    for number in range(300)
]


@pytest.fixture
def embedded(tmp_path: Path) -> Callable[[str], Embedded]:
    return lambda name: Embedded(tmp_path / name)


@pytest.fixture
def clustered(new_clustered: Callable[[], Clustered]) -> Clustered:
    return new_clustered()


async def filled(backend: Backend) -> None:
    """Records with and without keys, used and pruned ones, and a second namespace."""
    done = await backend.append(NAMESPACE, RECORDS, embedding="caller")
    await backend.judge(NAMESPACE, [Judged(id=each.id, gain=1, source="local") for each in done[::7]])
    await backend.prune(NAMESPACE, Pruning(among=ALL, keep_best=250))
    await backend.append("other", [Record(question="?", vector=b"\x00\x00\x80?" * 2)], embedding="hashed-2")


def test_there_and_back(embedded: Callable[[str], Embedded], clustered: Clustered) -> None:
    """All records arrive with every field, in their order, and nothing is moved twice."""

    async def moved() -> None:
        disk, back = embedded("disk"), embedded("back")
        await filled(disk)
        there = [Migrated(namespace="other", records=1, moved=1), Migrated(namespace=NAMESPACE, records=250, moved=250)]
        assert sorted(await migrate(disk, clustered), key=lambda each: each.records) == there
        assert sum(each.moved for each in await migrate(disk, clustered)) == 0
        assert sorted(await migrate(clustered, back), key=lambda each: each.records) == there
        assert await back.check() == await clustered.check() == (251, [])
        for each in (disk, back, clustered):
            await each.close()

    asyncio.run(moved())


def test_broken_off(embedded: Callable[[str], Embedded], clustered: Clustered, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that was broken off goes on where it was."""

    async def moved() -> None:
        disk = embedded("disk")
        await filled(disk)
        whole = clustered.take_back

        async def half(namespace: str, records: list[Record], *, embedding: str) -> Sequence[Appended]:
            if namespace != NAMESPACE:
                return await whole(namespace, records, embedding=embedding)
            await whole(namespace, records[: len(records) // 2], embedding=embedding)
            raise StoreUnavailableError

        monkeypatch.setattr(clustered, "take_back", half)
        with pytest.raises(StoreUnavailableError):
            await migrate(disk, clustered)
        monkeypatch.undo()
        done = await migrate(disk, clustered)
        assert sum(each.records for each in done) == 251
        assert 0 < sum(each.moved for each in done) < 251
        for each in (disk, clustered):
            await each.close()

    asyncio.run(moved())


def test_a_target_that_is_not_empty(embedded: Callable[[str], Embedded], clustered: Clustered) -> None:
    """A target with something else in it is refused with the namespace and what differs, and is left as it was."""

    async def refused() -> None:
        disk = embedded("disk")
        await filled(disk)
        await clustered.append(NAMESPACE, [record("0", near=(1, 50, 0, 0))], embedding="caller")
        with pytest.raises(MigrationError, match=r"^run-1: record 1 differs in key, .*give an empty target$"):
            await migrate(disk, clustered)
        assert (await clustered.stats(NAMESPACE, ALL)).records == 1
        for each in (disk, clustered):
            await each.close()

    asyncio.run(refused())
