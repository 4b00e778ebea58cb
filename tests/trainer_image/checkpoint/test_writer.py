"""What an agent uploads, and what it leaves when it cannot."""

import pytest
from tandem_objects import Store, StoreFull, Unreachable
from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.errors import CheckpointError
from tandem_trainer.checkpoint.reader import newest

from tests.trainer_image.checkpoint import world
from tests.trainer_image.checkpoint.faults import Faulty, failing


def state(seed: int) -> dict[str, world.Numbers]:
    """A frozen half and one that changes; with small chunks, several of each."""
    return {"frozen": world.numbers("frozen", 512), "trained": world.numbers(seed, 512)}


def uploads(store: Store) -> set[str]:
    return {found.key for found in store.list(keys.CHUNKS)}


def nothing(verb: str, key: str) -> None:
    """No fault."""


def test_chunks_equal_to_those_of_the_save_before_are_not_uploaded_again(store: Store) -> None:
    """A frozen tensor costs nothing from the second checkpoint on."""
    counting = Faulty(store=store, before=nothing)
    with world.small_chunks():
        first = world.save_slices(counting, world.info(step=1), world.slices_of(state(1), 0, 1))
        assert len(counting.put_keys) == len(first.chunks) == 16
        second = world.save_slices(counting, world.info(step=2), world.slices_of(state(2), 0, 1), previous=first)
        assert len(counting.put_keys) == 24
        assert len(second.chunks.keys() & first.chunks.keys()) == 8


@pytest.mark.parametrize("other", [{"claim": 2}, {"rank": 1, "ranks": 2}])
def test_chunks_of_another_claim_or_rank_are_never_shared(store: Store, other: dict[str, int]) -> None:
    """Retention may delete those while this save is on its way."""
    with world.small_chunks():
        first = world.save_slices(store, world.info(step=1, ranks=other.get("ranks", 1)), world.slices_of(state(1), 0, 1))
        second = world.save_slices(store, world.info(step=2, **other), world.slices_of(state(1), 0, 1), previous=first)
    assert not first.chunks.keys() & second.chunks.keys()


def test_contents_that_come_back_get_new_names(store: Store) -> None:
    """A rollback makes old bytes new again: retention of the old ones must not take the new ones with it."""
    with world.small_chunks():
        parts = [
            world.save_slices(store, world.info(step=step), world.slices_of(state(seed), 0, 1)) for step, seed in ((1, 1), (2, 2), (3, 1))
        ]
    assert not parts[0].chunks.keys() & parts[2].chunks.keys()


def test_a_failed_save_leaves_nothing_behind_and_says_why(store: Store) -> None:
    """A disk that is full does not stay full of halves of a checkpoint."""
    full = StoreFull("disk /checkpoints is full: free some space")
    with world.small_chunks():
        world.save(store, state(1), step=1)
        before = uploads(store)
        faulty = Faulty(store=store, before=failing("put_large", full, after=5))
        with pytest.raises(CheckpointError) as caught:
            world.save_slices(faulty, world.info(step=2), world.slices_of(state(2), 0, 1))
    assert str(caught.value) == (
        "step 2 of rank 0 could not be saved, what was saved before stands: disk /checkpoints is full: free some space"
    )
    assert not caught.value.retryable
    assert len(faulty.put_keys) > 5
    assert uploads(store) == before


def test_a_second_try_does_not_take_away_what_the_first_has_done(store: Store) -> None:
    """An answer was lost: the part is there, perhaps in a manifest already. The try that fails leaves its chunks alone."""
    lost = Unreachable("http://127.0.0.1:9 does not answer")
    with world.small_chunks():
        part = world.save_slices(store, world.info(step=2), world.slices_of(state(2), 0, 1))
        faulty = Faulty(store=store, before=failing("put_large", lost, after=5))
        with pytest.raises(CheckpointError) as caught:
            world.save_slices(faulty, world.info(step=2), world.slices_of(state(2), 0, 1))
    assert caught.value.retryable
    assert uploads(store) == part.chunks.keys()


def test_parts_alone_are_no_checkpoint(store: Store) -> None:
    """Until it is committed, nobody finds it."""
    world.save_parts(store, [world.slices_of(state(1), rank, 2) for rank in range(2)])
    assert newest(store).manifest is None
