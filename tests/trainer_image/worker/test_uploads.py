"""Snapshots that an agent takes over are committed, or their owner is told why not."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.reader import Reader, candidates, newest
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import Staging
from tandem_trainer.job import Job
from tandem_trainer.link import Snapshot
from tandem_trainer.worker import uploads
from tandem_trainer.worker.uploads import Kept, Saved, Swept, Uploads

from tests.parts.small_disk import mounted_read_only

MIB = 1 << 20
Result = Saved | Kept | Swept


class Worker:
    """An agent's uploads and the memory of its ranks, which share one tensor of bytes."""

    def __init__(self, folder: Path, *, ranks: int = 1, keep_last: int = 5) -> None:
        self.store: Store = open_store(folder.as_uri(), {})
        self.ranks = ranks
        checkpoint = {"uri": self.store.uri, "keepLast": keep_last, "keepBest": False}
        run = {
            "name": "r",
            "uid": "u",
            "trainer": {"kind": "script"},
            "phases": [{"name": "a", "steps": 100}],
            "checkpoint": checkpoint,
        }
        place = {"attempt": 1, "worker_rank": 0, "workers": 1, "rendezvous": "127.0.0.1:1", "scratch": folder, "cache": folder}
        job = Job.model_validate({"run": run, **place, "ranks_per_worker": ranks})
        self.results: list[Result] = []
        self.claim = claim(self.store, attempt=1, uid="u", now=datetime.now(UTC))
        self.uploads = Uploads(job, self.store, self.results.append)
        self._staging = [Staging() for _ in range(ranks)]
        for each in self._staging:
            each.reserve(MIB)  # as a session does

    def save(self, step: int, numbers: bytes, *, only: int | None = None) -> None:
        """Hand over the state of `step`, a share from each rank."""
        share = len(numbers) // self.ranks
        for rank in range(self.ranks) if only is None else [only]:
            data = memoryview(numbers)[rank * share : (rank + 1) * share]
            piece = Slice(tensor="t", shape=(share * self.ranks,), dtype="uint8", start=rank * share, count=share, data=data)
            staged = self._staging[rank].take([piece])
            assert staged is not None
            told = Snapshot(
                rank=rank,
                step=step,
                claim=self.claim,
                generation=staged.generation,
                bytes=staged.bytes,
                loss=1.0,
                tokens=step,
                blocked_seconds=0.0,
                layout=staged.layout,
            )
            self.uploads.save(told, os.dup(staged.fd))

    def told(self) -> list[Result]:
        """All results but those of sweeping, once everything handed over is settled."""
        self.uploads.drain()
        return [each for each in self.results if not isinstance(each, Swept)]

    def newest(self) -> tuple[int, bytes]:
        """Step and numbers of the newest checkpoint."""
        manifest = newest(self.store).manifest
        assert manifest is not None
        out = np.empty(manifest.tensors["t"].shape, dtype=np.uint8)
        Reader(self.store, manifest).fill([Want(tensor="t", start=0, out=memoryview(out))])
        return manifest.step, out.tobytes()


def problems(results: list[Result]) -> list[str]:
    return [each.problem for each in results if isinstance(each, Saved | Kept) and each.problem]


@pytest.fixture
def numbers() -> bytes:
    return np.random.default_rng(0).bytes(MIB)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a count of names is all it takes


def test_the_parts_of_two_ranks_become_one_checkpoint(tmp_path: Path, numbers: bytes) -> None:
    """Each rank is told that its part is safe, then the checkpoint is kept, and it reads back as it was handed over."""
    worker = Worker(tmp_path, ranks=2)
    worker.save(7, numbers)
    results = worker.told()
    assert sorted(each.snapshot.rank for each in results if isinstance(each, Saved)) == [0, 1]
    (kept,) = (each for each in results if isinstance(each, Kept))
    assert kept.committed is not None
    assert (kept.committed.step, kept.committed.bytes, problems(results)) == (7, MIB, [])
    assert worker.newest() == (7, numbers)


def test_snapshots_are_committed_in_order_and_older_ones_swept(tmp_path: Path, numbers: bytes) -> None:
    """Two on their way at once are both kept, in the order of their steps; only as many stay as were asked for."""
    worker = Worker(tmp_path, ranks=2, keep_last=1)
    worker.save(1, numbers)
    worker.save(2, numbers[::-1])
    assert [each.snapshot.step for each in worker.told() if isinstance(each, Kept)] == [1, 2]
    assert len(candidates(worker.store)) == 1
    assert worker.newest() == (2, numbers[::-1])


def test_descriptors_are_closed_when_they_are_no_longer_needed(tmp_path: Path, numbers: bytes) -> None:
    """Thousands of checkpoints do not run out of files."""
    worker = Worker(tmp_path)
    before = open_files()
    worker.save(1, numbers)
    worker.save(2, numbers)
    worker.told()
    assert open_files() == before


@pytest.fixture
def on_disk(disk: Path) -> Worker:
    """A worker whose store is on a disk of 64 MiB."""
    return Worker(disk)


def test_a_full_disk_is_told_and_the_checkpoint_before_stays(on_disk: Worker, numbers: bytes) -> None:
    """The rank's memory is free again, the line says what happened, and what was kept before still reads back."""
    on_disk.save(1, numbers)
    on_disk.save(2, np.random.default_rng(1).bytes(80 * MIB))
    results = on_disk.told()
    assert [each.snapshot.step for each in results if isinstance(each, Kept)] == [1]
    (line,) = problems(results)
    assert line.startswith("step 2 of rank 0 could not be saved, what was saved before stands:")
    assert [each.snapshot.step for each in results if isinstance(each, Saved)] == [1, 2]
    assert on_disk.newest() == (1, numbers)


def test_a_read_only_disk_is_told_too(on_disk: Worker, disk: Path, numbers: bytes) -> None:
    """Nothing can be saved: the part says so, nothing is committed, and draining still comes to an end."""
    mounted_read_only(disk)
    on_disk.save(1, numbers)
    results = on_disk.told()
    assert [type(each) for each in results] == [Saved]
    assert len(problems(results)) == 1


@pytest.mark.parametrize(("uid", "fenced", "contested"), [("u", True, False), ("other", False, True)])
def test_a_newer_claim_is_told_by_whose_it_is(tmp_path: Path, numbers: bytes, uid: str, fenced: bool, contested: bool) -> None:  # noqa: FBT001  # a case
    """The same run's next attempt fences this one off; another run contests the place. Neither lets it commit."""
    worker = Worker(tmp_path)
    claim(worker.store, attempt=2, uid=uid, now=datetime.now(UTC))
    worker.save(1, numbers)
    (kept,) = (each for each in worker.told() if isinstance(each, Kept))
    assert (kept.fenced, kept.contested, kept.committed) == (fenced, contested, None)
    assert "superseded by claim 2" in kept.problem
    assert candidates(worker.store) == ()


def test_a_part_that_never_comes_is_named(tmp_path: Path, numbers: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another rank's part is missing at the deadline, nothing is committed and the line names that rank."""
    monkeypatch.setattr(uploads, "_PARTS_WITHIN_S", 0.0)
    monkeypatch.setattr(uploads, "_PARTS_WITHIN", 0.0)
    worker = Worker(tmp_path, ranks=2)
    worker.save(3, numbers, only=0)
    assert problems(worker.told()) == ["step 3 was not committed: no part of rank 1 came within 0 s"]
    assert candidates(worker.store) == ()


def test_a_strangers_error_is_told_and_does_not_die_with_its_thread(tmp_path: Path, numbers: bytes) -> None:
    """A descriptor that is no memory fails with its error's name, and the next snapshot is kept as if nothing had been."""
    worker = Worker(tmp_path)
    read, write = os.pipe()
    os.close(write)
    worker.uploads.save(Snapshot(rank=0, step=1, claim=1, generation=0, bytes=9, loss=1.0, tokens=0, blocked_seconds=0.0, layout=()), read)
    worker.save(2, numbers)
    assert [line.split(":")[0] for line in problems(worker.told())] == ["OSError"]
    assert worker.newest() == (2, numbers)
