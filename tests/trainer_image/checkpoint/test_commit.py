"""The moment a checkpoint comes to exist, and all that may prevent it."""

from dataclasses import dataclass

import pytest
from tandem_objects import Store, Unreachable
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.errors import CheckpointError, Corrupted, Fenced, Mismatch
from tandem_trainer.checkpoint.manifest import encode_part
from tandem_trainer.checkpoint.reader import candidates, load_manifest

from tests.trainer_image.checkpoint import world
from tests.trainer_image.checkpoint.faults import Faulty, failing

STATE = {"weight": world.numbers("w", 1000), "bias": world.numbers("b", 10, "bfloat16")}


@dataclass
class Clock:
    """Time that passes only while somebody sleeps."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_waits_for_the_last_part(store: Store) -> None:
    """The manifest is written once all ranks have saved, and holds what all of them did."""
    shares = [world.slices_of(STATE, rank, 3) for rank in range(3)]
    first, second = (world.save_slices(store, world.info(rank=rank, ranks=3), shares[rank]) for rank in range(2))
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now > 7 and clock.now - seconds <= 7:
            assert candidates(store) == ()
            world.save_slices(store, world.info(rank=2, ranks=3), shares[2])

    committed = commit(store, first, timeout_s=60, clock=clock, sleep=sleep)
    assert 7 < clock.now < 9
    assert committed.uri == store.address(committed.key)
    manifest = load_manifest(store, committed.key)
    assert {*first.chunks, *second.chunks} < manifest.chunks.keys()
    assert (manifest.step, manifest.claim, manifest.world_size, manifest.loss) == (10, 1, 3, 2.5)


def test_a_part_that_does_not_come_is_named(store: Store) -> None:
    """At the deadline, and not a moment later."""
    part = world.save_slices(store, world.info(rank=0, ranks=3), world.slices_of(STATE, 0, 3))
    clock = Clock()
    with pytest.raises(CheckpointError, match=r"^step 10 was not committed: no part of ranks 1, 2 came within 30 s$"):
        commit(store, part, timeout_s=30, clock=clock, sleep=clock.sleep)
    assert clock.now == pytest.approx(30)
    assert candidates(store) == ()


def test_a_superseded_writer_cannot_commit(store: Store) -> None:
    """A machine thought dead comes back: its checkpoint never exists."""
    old = claim(store, attempt=1, uid="u", now=world.AT)
    part = world.save_parts(store, [world.slices_of(STATE, 0, 1)], claim=old)[0]
    claim(store, attempt=2, uid="u", now=world.AT)
    with pytest.raises(Fenced, match=r"^claim 1 on file:\S+ is superseded by claim 2 of a newer attempt: this attempt must stop$"):
        commit(store, part, timeout_s=0)
    assert candidates(store) == ()


def test_a_commit_whose_answer_was_lost_counts(store: Store) -> None:
    """The same commit again finds its own manifest, and is satisfied."""
    part = world.save_parts(store, [world.slices_of(STATE, 0, 1)])[0]
    committed = commit(store, part, timeout_s=0)
    assert commit(store, part, timeout_s=0) == committed


def test_a_step_is_not_saved_twice_with_other_contents(store: Store) -> None:
    """A checkpoint that exists never changes."""
    committed = world.save(store, STATE)
    with pytest.raises(CheckpointError, match="step 10 was saved before under this claim, with other contents"):
        world.save(store, {"weight": world.numbers("other", 1000)})
    assert world.read(store, load_manifest(store, committed.key)) == STATE


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ([(0, 400), (500, 1000)], "tensor 'weight': numbers 400 to 499 are in no rank's slices; each number is saved by one rank"),
        ([(0, 400), (400, 900)], "tensor 'weight': numbers 900 to 999 are in no rank's slices; each number is saved by one rank"),
        ([(0, 600), (500, 1000)], "tensor 'weight': numbers 500 to 599 are in the slices of two ranks; each number is saved by one rank"),
        ([(0, 1000), (0, 1000)], "tensor 'weight': numbers 0 to 999 are in the slices of two ranks; each number is saved by one rank"),
    ],
)
def test_what_could_not_be_loaded_is_not_committed(store: Store, shares: list[tuple[int, int]], told: str) -> None:
    """Ranks that leave numbers out, or save them twice, learn it at the first checkpoint and not at the first resume."""
    parts = world.save_parts(store, [[STATE["weight"].between("weight", *share)] for share in shares])
    with pytest.raises(Mismatch) as caught:
        commit(store, parts[0], timeout_s=0)
    assert str(caught.value) == told
    assert candidates(store) == ()


def test_ranks_that_disagree_about_a_tensor_are_told(store: Store) -> None:
    """Two ranks run different models."""
    parts = world.save_parts(store, [[world.numbers(1, 4).between("t", 0, 2)], [world.numbers(1, 4, "float16").between("t", 2, 4)]])
    with pytest.raises(Mismatch, match=r"^tensor 't': ranks disagree about it: \[4\] float32 and \[4\] float16$"):
        commit(store, parts[0], timeout_s=0)


def test_a_damaged_part_is_not_committed(store: Store) -> None:
    """It names the part."""
    part = world.save_parts(store, [world.slices_of(STATE, 0, 1)])[0]
    store.put(part.key, encode_part(part).replace(b'"step":10', b'"step":11'))
    with pytest.raises(Corrupted, match=rf"^{part.key}: "):
        commit(store, part, timeout_s=0)


def test_a_store_that_does_not_answer_may_be_asked_again(store: Store) -> None:
    """Whoever commits is told that it is worth another try, and the try succeeds."""
    part = world.save_parts(store, [world.slices_of(STATE, 0, 1)])[0]
    away = Faulty(store=store, before=failing("put_if_absent", Unreachable("no answer")))
    with pytest.raises(CheckpointError, match=r"^step 10 could not be committed: no answer$") as caught:
        commit(away, part, timeout_s=0)
    assert caught.value.retryable
    assert commit(store, part, timeout_s=0).step == 10
