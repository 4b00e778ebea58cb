"""A disk that is full: what is there can be judged, checked and removed, and its room is used again."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tandem.memory.v1.memory_pb2 import Filter, Judged, Record
from tandem_memory.backend import Pruning, StoreFullError
from tandem_memory.embedded import Embedded
from tandem_memory.embedded.emptying import FEWEST
from tandem_memory.store import Remove

from tests.services.memory.driven import NAMESPACE, Driven, record

MIB = 1 << 20
_SCATTERS = 2654435761  # Knuth's multiplier: keys that come one after the other lie far apart
WORTHLESS = Filter(max_score=0.5)


@pytest.fixture
def ballast(disk: Path) -> Path:
    """Leaves 16 of 64 MiB."""
    path = disk / "ballast"
    path.write_bytes(bytes(48 * MIB))
    return path


@pytest.fixture
def memory(disk: Path, ballast: Path) -> Iterator[Driven]:
    assert ballast.exists()
    driven = Driven(lambda: Embedded(disk / "memory"))
    yield driven
    driven.close()


def small(number: int) -> Record:
    """A record of a few hundred bytes; only every eighth is worth anything."""
    return record(f"question {number}", key=f"{number * _SCATTERS % (1 << 32):08x}", answer="a" * 150, score=number % 8 == 0)


def filled(memory: Driven) -> list[str]:
    """Ids of all that could be taken in, 500 records at once and then one by one."""
    ids: list[str] = []
    for at_once in (500, 1):
        while True:
            try:
                ids += memory.ids(*(small(len(ids) + each) for each in range(at_once)))
            except StoreFullError as error:
                assert "so that records can be removed" in str(error)  # noqa: PT017 - whatever is refused is so for this
                break
    return ids


def test_small_records_are_removed(memory: Driven) -> None:
    """Of many small records most can be removed from a disk that takes nothing more; then it takes more."""
    ids = filled(memory)
    assert len(ids) > 2000
    assert memory.judge(Judged(id=ids[0], gain=1)) == 1
    assert memory.check() == (len(ids), [])
    gone = memory.prune(Pruning(among=WORTHLESS, keep_best=0))
    assert len(gone.ids) == len(ids) - len(ids[::8])
    assert memory.append(*(small(len(ids) + each) for each in range(500)))[0].known is False
    assert memory.check() == (len(ids) - len(gone.ids) + 500, [])


def test_the_last_room_is_for_removals(memory: Driven, disk: Path) -> None:
    """When something else took what was kept, records are removed a few at a time, until there is room for more at once.

    Where what was kept lies in the file itself, as pages that were freed, nothing else can take it.
    """
    ids = filled(memory)
    sizes = list[int]()
    do = memory.backend._committer.do

    async def counted(job: Remove) -> object:
        done = await do(job)
        sizes.append(len(job.positions))
        return done

    memory.backend._committer.do = counted
    (disk / "other").write_bytes(bytes(_free(disk) - MIB))
    gone = memory.prune(Pruning(among=WORTHLESS, keep_best=0))
    assert sizes[:2] == [4096, 4096] or sizes[:3] == [FEWEST, 2 * FEWEST, 4 * FEWEST]
    assert max(sizes) == 4096, "appends come in between"
    assert sum(sizes) == len(gone.ids) == len(ids) - len(ids[::8])
    assert memory.run(memory.backend.origin(NAMESPACE)) is not None
    assert memory.check() == (len(ids) - len(gone.ids), [])


def test_judgements_leave_room_for_removals(memory: Driven) -> None:
    """Judgements may take more than records, but never the last."""
    ids = filled(memory)
    told = 0

    def judging() -> None:
        nonlocal told
        while True:
            judged = (Judged(id=each, gain=-1, source="a source", key=f"{told}/{each}") for each in ids[:1000])
            told += memory.judge(*judged)

    with pytest.raises(StoreFullError):
        judging()
    assert told > 1000
    gone = memory.prune(Pruning(among=WORTHLESS, keep_best=0))
    assert len(gone.ids) == len(ids) - len(ids[::8])


def _free(disk: Path) -> int:
    seen = os.statvfs(disk)
    return seen.f_bavail * seen.f_frsize
