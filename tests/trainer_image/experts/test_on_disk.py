"""Experts that lie on a disk: the same to the last bit as in memory, of which they take as much as a few of them need."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from tandem_objects import open_store
from tandem_trainer import disk as disks
from tandem_trainer.checkpoint.staging import Staging, mapped
from tandem_trainer.checkpoint.writer import save_part
from tandem_trainer.exit_codes import DO_NOT_RESTART, FAILED
from tandem_trainer.experts.generation.reading import read
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.job import Run
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from tandem_trainer.verdict import verdict

from tests.trainer_image.checkpoint import world
from tests.trainer_image.deepspeed.saved import save, saved
from tests.trainer_image.experts.plain import matrices
from tests.trainer_image.experts.runs import begun, disk, run, shards, steps

__all__ = ["shards"]
ROOM = {"streamingSlots": 4, "hotSlots": 1, "expertsPerSlot": 3}
EVERY_S = 0.002


def lying(folder: Path, *, memory: dict[str, Any] | None = None, **mixture: Any) -> Run:
    """A small run whose experts lie on the disk of `folder`."""
    return run(memory={"disk": 1 << 40, "folder": str(disk(folder)), **(memory or {})}, **mixture)


def state(trainer: ExpertsTrainer) -> dict[str, bytes]:
    """All there is to keep."""
    return {piece.tensor: bytes(piece.data) for piece in trainer.slices()}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_learns_the_same_to_the_last_bit(rule: str, shards: Path, tmp_path: Path) -> None:
    """Losses and state; and a run may go on on a disk that began in memory, and the other way round."""
    told, on_disk = run(learningRule=rule), lying(tmp_path, memory=ROOM, learningRule=rule)
    trainers = [begun(each, shards) for each in (told, on_disk)]
    losses = [[report.loss for report in steps(each, told, 0, 6)] for each in trainers]
    assert losses[0] == losses[1]
    assert state(trainers[0]) == state(trainers[1])
    for number, (before, after) in enumerate(zip(trainers, (on_disk, told), strict=True)):
        save(before.slices(), tmp_path / str(number), World())
        resumed = begun(after, shards)
        resumed.restore(saved(tmp_path / str(number)))
        assert [report.loss for report in steps(resumed, told, 6, 10)] == [report.loss for report in steps(before, told, 6, 10)]
        assert state(resumed) == state(before)


def test_a_restore_forgets_what_was_on_its_way(shards: Path, tmp_path: Path) -> None:
    """A state that is taken back in the midst of training is not overwritten by experts that had not reached the disk yet."""
    told = lying(tmp_path, memory=ROOM)
    trainer = begun(told, shards)
    steps(trainer, told, 0, 2)
    save(trainer.slices(), tmp_path, World())
    before = state(trainer)
    steps(trainer, told, 2, 5)
    trainer.restore(saved(tmp_path))
    assert state(trainer) == before


def test_memory_holds_a_few_however_many_lie_on_the_disk(shards: Path, tmp_path: Path) -> None:
    """300 MB of experts under a limit of 100 MB: they begin, learn, are staged, uploaded and taken back, and the process stays below it."""
    limit = 100_000_000
    told = lying(tmp_path, memory={"host": limit}, count=300, innerWidth=4096)
    begun(run(), shards)
    with _peak() as peak:
        trainer = begun(told, shards)
        steps(trainer, told, 0, 2)
        staging, store = Staging(told.trainer.memory.on_disk), open_store(tmp_path.as_uri(), {})
        staged = staging.take(trainer.slices())
        assert staged is not None
        with mapped(staged.fd, staged.bytes) as buffer:
            save_part(store, world.info(step=2), staged.layout, buffer)
        staging.close()
        steps(trainer, told, 2, 4)
    assert trainer.sizes.rows_bytes > 3 * limit > 3 * peak[0]
    assert trainer.mixture.layer.mover.traffic.bytes_in > limit


def test_what_fits_nowhere_is_refused_with_both_numbers(shards: Path, tmp_path: Path) -> None:
    """Before anything is made: by what was declared, by where it is, and for those on their way by host memory."""
    row = 2 * 32 * 32 * 4
    kept, passing = 3 * 8 * row, 2 * 3 * row
    needed = rf"^trainer\.experts\.mixture\.count: 8 experts need {kept:,} bytes of disk, two checkpoints under way included, and "
    with pytest.raises(Refusal, match=rf"{needed}memory\.disk says {kept - 1:,}: take fewer or smaller experts, or more disk$"):
        begun(lying(tmp_path, memory={"disk": kept - 1}), shards)
    with pytest.raises(Refusal, match=rf"^trainer\.experts\.memory: 3 experts on their way .* need {passing:,} bytes .* {passing - 1:,}: "):
        begun(lying(tmp_path, memory={"host": passing - 1}), shards)
    with pytest.raises(Refusal, match=r"^trainer\.experts\.memory\.disk: /dev/shm is in memory, not on a disk: mount a disk there, or "):
        begun(lying(tmp_path, memory={"folder": "/dev/shm"}), shards)  # noqa: S108  # where every Linux has one
    with pytest.raises(Refusal, match=rf"\.host says {kept - 1:,}: .* or let them lie on a disk \(trainer\.experts\.memory\.disk\)$"):
        begun(run(memory={"host": kept - 1}), shards)
    begun(lying(tmp_path, memory={"host": passing}), shards)


def test_a_disk_that_is_too_small_is_refused_for_good_and_one_that_is_full_for_now(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk as large as is declared would do. One that can never hold them is tried no more; one that others have filled may be."""
    kept, folder = 3 * 8 * 2 * 32 * 32 * 4, disk(tmp_path)
    needed = f"8 experts need {kept:,} bytes of disk, two checkpoints under way included"
    small = (
        f"trainer.experts.mixture.count: {needed}, and the disk of {folder} has {kept - 1:,}: take fewer or smaller experts, or more disk"
    )
    full = f"trainer.experts.memory.disk: {needed}, and on the disk of {folder} there are free {kept - 1:,}: free more, or take another"
    for space, expected in (
        (disks.Space(size=kept - 1, free=kept - 1), (DO_NOT_RESTART, small)),
        (disks.Space(size=1 << 40, free=kept - 1), (FAILED, full)),
    ):
        monkeypatch.setattr(disks, "space", lambda _, space=space: space)
        with pytest.raises(Refusal) as caught:
            begun(lying(tmp_path), shards)
        assert verdict(caught.value) == expected


def test_a_disk_must_also_hold_what_checkpoints_hold_besides(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trunk, router and their moments, twice: known once they are made, before anything is trained; whether it was declared or is there."""
    trainer = begun(lying(tmp_path), shards)
    shared = sum(len(data) for name, data in state(trainer).items() if name != "experts/rows")
    whole = trainer.sizes.staged_bytes + 2 * shared
    needed = rf"^trainer\.experts\.memory\.disk: 8 experts need {whole:,} bytes of disk, with what all tokens share .*, and "
    with pytest.raises(Refusal, match=rf"{needed}memory\.disk says {whole - 1:,}: take fewer"):
        begun(lying(tmp_path, memory={"disk": whole - 1}), shards)
    begun(lying(tmp_path, memory={"disk": whole}), shards)
    monkeypatch.setattr(disks, "space", lambda _: disks.Space(size=whole - 1, free=whole - 1))
    with pytest.raises(Refusal, match=rf"{needed}the disk of {disk(tmp_path)} has {whole - 1:,}: take fewer") as caught:
        begun(lying(tmp_path), shards)
    assert not caught.value.retryable


def test_a_model_is_asked_from_a_disk_as_from_memory(shards: Path, tmp_path: Path) -> None:
    """The weights of all experts, without their moments, which stay in the store."""
    told = run(learningRule="local_adam")
    trainer = begun(told, shards)
    steps(trainer, told, 0, 3)
    save(trainer.slices(), tmp_path, World())
    store, cpu = open_store(tmp_path.as_uri(), {}), torch.device("cpu")
    asked = [read(each, store, cpu).mixture.layer for each in (told, lying(tmp_path, memory=ROOM, learningRule="local_adam"))]
    in_memory, on_disk = (matrices(each.mover._rows, each.sizes) for each in asked)
    assert all(torch.equal(one, other) for pair in zip(in_memory, on_disk, strict=True) for one, other in zip(*pair, strict=True))


@contextmanager
def _peak() -> Iterator[list[int]]:
    """The most that this process holds of its own, in memory that no file backs, over what it holds now; known afterwards."""
    before, most, ended = _held(), [0], threading.Event()

    def look() -> None:
        while not ended.wait(EVERY_S):
            most[0] = max(most[0], _held() - before)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        ended.set()
        looking.join()


def _held() -> int:
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return sum(int(fields[1]) << 10 for fields in lines if fields[0] in {"RssAnon:", "RssShmem:"})
