"""What is spent in many short lives of a coordinator is kept as if it were spent in one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tandem.reasoning.v1.reasoning_pb2 import Snapshot, Status
from tandem_objects import open_store
from tandem_reasoning.coordinator.keeping.cadence import Cadence, unseen_nano
from tandem_reasoning.coordinator.keeping.keeper import keeping
from tandem_reasoning.coordinator.keeping.shelf import Manifest, Shelf
from tandem_reasoning.coordinator.keeping.snapshots import Snapshots
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.ledger import Ledger

from tests.services.reasoning.coordination import UID, job
from tests.services.reasoning.ledger.asking import call, claim, load, reserve, settle

CAP = 2000
STRETCH = unseen_nano(CAP)
A_LIFE = STRETCH * 2 // 5  # below half a stretch: spent in one life, it makes no snapshot due
PATIENCE_S = 30
NEVER_BY_TIME = 3600.0


class Disk:
    """A coordinator's, and the store beside it."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "run" / "ledger.sqlite"
        store, file = (folder / "store").as_uri(), folder / "job.json"
        self.shelf = Shelf(open_store(store, {}), UID)
        self.job = job({"cloud": ["http://127.0.0.1:9/v1"]}, budgetUsd=f"{CAP / 10**9:.9f}")
        file.write_text(self.job.model_dump_json(by_alias=True))
        seldom = {"snapshot_seconds": NEVER_BY_TIME, "snapshot_questions": 10**6}
        self.settings = Settings(job=file, questions="", ledger=self.ledger, snapshots=store, **seldom)

    def spend(self, life: int) -> Status:
        """What a life of a coordinator spends; how the run stands then."""
        ledger = self._opened()
        try:
            load(ledger, f"q{life}")
            (lease,) = claim(ledger)
            settle(ledger, reserve(ledger, lease.hold, f"k{life}", A_LIFE), call(f"k{life}", f"q{life}", A_LIFE))
            return Status(cap_nano=CAP, spent_nano=ledger.sums.total.spent_nano)
        finally:
            ledger.close()

    def lost(self) -> None:
        """With all that is on it."""
        for each in self.ledger.parent.iterdir():
            each.unlink()

    def begun_before(self) -> None:
        """A coordinator took a snapshot, and was killed."""
        cadence = Cadence(every_s=NEVER_BY_TIME, every_questions=10**6)
        assert Snapshots(self.shelf, self.shelf.claim(), self.ledger, run=UID, cadence=cadence).take(self.spend(0))

    @asynccontextmanager
    async def coordinator(self, status: Status) -> AsyncIterator[None]:
        """One that stands like this, for as long as it lives."""
        async with keeping(self.settings, self.job, lambda: 5.0) as keeper:
            keeper.begin(lambda: status, asyncio.Event())
            yield

    async def snapshot_of(self, spent_nano: int) -> Manifest:
        """The newest one, once it knows of so much money."""
        while True:
            found = await asyncio.to_thread(self.shelf.newest)
            if found is not None and found.spent_nano >= spent_nano:
                return found
            await asyncio.sleep(0.05)

    def _opened(self) -> Ledger:
        return Ledger(self.ledger, run=UID, cap_nano=CAP)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_money_of_lives_without_a_snapshot_adds_up(disk: Disk) -> None:
    """Each life spends too little for a snapshot and is killed; the next one takes what they spent together for unseen."""
    disk.begun_before()
    disk.spend(1)

    async def deed() -> Manifest:
        status = disk.spend(2)
        async with disk.coordinator(status):
            return await disk.snapshot_of(status.spent_nano)

    found = asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert (found.spent_nano, found.ended) == (3 * A_LIFE, False)


def test_the_first_money_of_a_run_is_seen_at_once(disk: Disk) -> None:
    """Without any snapshot a lost disk would be no reason to book anything."""

    async def deed() -> Manifest:
        status = disk.spend(0)
        async with disk.coordinator(status):
            return await disk.snapshot_of(status.spent_nano)

    assert asyncio.run(asyncio.wait_for(deed(), PATIENCE_S)).spent_nano == A_LIFE


def test_who_goes_on_tells_of_the_snapshot_that_was_there(disk: Disk) -> None:
    """Though it takes none itself: nothing has moved since."""
    disk.begun_before()

    async def deed() -> tuple[Snapshot | None, Manifest | None]:
        async with keeping(disk.settings, disk.job, lambda: 5.0) as keeper:
            return keeper.snapshot(), disk.shelf.newest()

    told, there = asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert told is not None
    assert there is not None
    assert (told.answered, told.uri) == (there.answered, disk.shelf.address(there))
    assert told.at.ToNanoseconds() / 1e9 == pytest.approx(there.at, abs=1e-3)


def test_a_run_that_is_over_is_kept_at_once(disk: Disk) -> None:
    """While its coordinator still says how it stands; not only as its last deed, of which nobody hears."""

    async def deed() -> Manifest:
        status = Status(cap_nano=CAP, done=1, over=True)
        disk.spend(0)
        async with disk.coordinator(status):
            return await disk.snapshot_of(0)

    found = asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert (found.answered, found.ended) == (1, False)


def test_who_is_asked_to_leave_tells_of_all_that_was_answered(disk: Disk) -> None:
    """It takes a snapshot though none is due, while it is still heard."""
    disk.begun_before()
    status = Status(cap_nano=CAP, done=3, spent_nano=disk.spend(1).spent_nano)

    async def deed() -> tuple[Snapshot | None, Manifest | None]:
        async with keeping(disk.settings, disk.job, lambda: 5.0) as keeper:
            keeper.begin(lambda: status, asyncio.Event())
            await keeper.rest()
            return keeper.snapshot(), disk.shelf.newest()

    told, there = asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    assert told is not None
    assert there is not None
    assert (told.answered, told.uri) == (3, disk.shelf.address(there))
    assert (there.spent_nano, there.ended) == (2 * A_LIFE, False)


def test_disks_that_are_lost_one_after_the_other_are_booked_one_by_one(disk: Disk) -> None:
    """A ledger that was restored is kept before anything is done with it: else two lost disks are booked as if they were one."""
    disk.begun_before()

    async def killed() -> Manifest | None:
        async with keeping(disk.settings, disk.job, lambda: 5.0):
            return disk.shelf.newest()

    for life in (1, 2, 3):
        disk.lost()
        found = asyncio.run(asyncio.wait_for(killed(), PATIENCE_S))
        assert found is not None
        assert (found.term, found.spent_nano, found.ended) == (life + 1, A_LIFE + life * STRETCH, False)
        disk.spend(life)
