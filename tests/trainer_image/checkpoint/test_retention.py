"""What stays, what goes, and what is never touched."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tandem_objects import Store
from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.errors import Fenced
from tandem_trainer.checkpoint.keys import Save
from tandem_trainer.checkpoint.manifest import Part, encode_manifest
from tandem_trainer.checkpoint.reader import candidates, load_manifest
from tandem_trainer.checkpoint.retention import Standing, Swept, retained, sweep

from tests.trainer_image.checkpoint import world
from tests.trainer_image.checkpoint.faults import Faulty, failing

SAVES = st.builds(Save, claim=st.integers(1, 4), step=st.integers(0, 9))
LOSSES = st.none() | st.floats() | st.sampled_from([1.0, 2.0])
STANDINGS = st.dictionaries(SAVES, LOSSES, max_size=12).map(
    lambda losses: [Standing(key=keys.manifest(save), save=save, loss=loss) for save, loss in losses.items()]
)
DISTRUST = st.sets(SAVES.map(keys.manifest), max_size=3)


@given(STANDINGS, st.integers(0, 5), st.booleans(), DISTRUST)
def test_the_newest_good_ones_and_the_best_stay(standings: list[Standing], keep_last: int, keep_best: bool, distrusted: set[str]) -> None:  # noqa: FBT001 - hypothesis
    """Always the newest that can be trusted, never more than asked for, and the best of all when that is asked for."""
    stay = retained(standings, keep_last=keep_last, keep_best=keep_best, distrusted=distrusted)
    good = sorted((each for each in standings if each.key not in distrusted), key=lambda each: each.save, reverse=True)
    last = good[: max(1, keep_last)]
    assert {each.key for each in last} <= stay
    beside = [each for each in good if each.key in stay and each not in last]
    assert len(beside) <= keep_best
    finite = [each.loss for each in good if each.loss is not None and abs(each.loss) < float("inf")]
    if keep_best and finite:
        assert min(finite) in [each.loss for each in good if each.key in stay]
    assert all(last and each.save < last[-1].save for each in standings if each.key not in stay)


@given(STANDINGS, STANDINGS, st.integers(0, 5))
def test_what_goes_never_comes_back(older: list[Standing], newer: list[Standing], keep_last: int) -> None:
    """What a sweep deletes that has not yet seen the newest checkpoints, one that has seen them would delete too."""
    newer = [
        Standing(key=keys.manifest(moved), save=moved, loss=each.loss) for each in newer if (moved := Save(claim=9, step=each.save.step))
    ]
    before = retained(older, keep_last=keep_last, keep_best=True)
    after = retained([*older, *newer], keep_last=keep_last, keep_best=True)
    assert after & {each.key for each in older} <= before


@pytest.mark.parametrize("no_number", [None, float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number_is_never_the_best(no_number: float | None) -> None:
    """A run that diverged has no best step."""
    losses = {1: 3.0, 2: no_number, 3: 4.0}
    standings = [Standing(key=str(step), save=Save(claim=1, step=step), loss=loss) for step, loss in losses.items()]
    assert retained(standings, keep_last=1, keep_best=True) == {"3", "1"}


def state(step: int) -> dict[str, world.Numbers]:
    """Half of it changes with each step."""
    return {"frozen": world.numbers("frozen", 256), "trained": world.numbers(step, 256)}


def swept(
    store: Store, number: int, *, keep_last: int = 2, keep_best: bool = False, final: bool = False, distrusted: Sequence[str] = ()
) -> Swept:
    return sweep(store, current_claim=number, keep_last=keep_last, keep_best=keep_best, final=final, distrusted=distrusted)


class Attempt:
    """An attempt that saves steps; each rank shares chunks with its save before."""

    def __init__(self, store: Store, ranks: int = 2) -> None:
        self.claim = claim(store, attempt=1, uid="u", now=world.AT)
        self._store = store
        self._ranks = ranks
        self._parts: list[Part | None] = [None] * ranks

    def upload(self, step: int, loss: float = 2.0) -> Part:
        """All parts of a step; rank 0's."""
        for rank, previous in enumerate(self._parts):
            what = world.info(claim=self.claim, step=step, rank=rank, ranks=self._ranks, loss=loss)
            self._parts[rank] = world.save_slices(self._store, what, world.slices_of(state(step), rank, self._ranks), previous)
        part = self._parts[0]
        assert part
        return part

    def save(self, *steps: int, loss: float = 2.0) -> None:
        """Committed checkpoints."""
        for step in steps:
            commit(self._store, self.upload(step, loss), timeout_s=0)


def train(store: Store, *steps: int) -> int:
    """A new attempt that has saved these steps: its claim."""
    attempt = Attempt(store)
    attempt.save(*steps)
    return attempt.claim


def steps_left(store: Store) -> list[int]:
    """Steps of all checkpoints, newest first; each is read whole on the way."""
    manifests = [load_manifest(store, key) for key in candidates(store)]
    for manifest in manifests:
        assert world.read(store, manifest) == state(manifest.step)
    return [manifest.step for manifest in manifests]


def unreferenced(store: Store) -> set[str]:
    """Chunks that no manifest names, and parts."""
    named = {chunk for key in candidates(store) for chunk in load_manifest(store, key).chunks}
    return {info.key for prefix in (keys.CHUNKS, keys.PARTS) for info in store.list(prefix)} - named


def test_a_sweep_keeps_the_last_and_the_best_and_all_that_they_need(store: Store) -> None:
    """Chunks that a younger checkpoint shares with a deleted one stay; at the end nothing else is left."""
    with world.small_chunks():
        attempt = Attempt(store)
        attempt.save(1)
        attempt.save(2, loss=1.0)
        attempt.save(3, 4, 5)
        done = swept(store, attempt.claim, keep_best=True)
        assert steps_left(store) == [5, 4, 2]
        assert done.removed == tuple(keys.manifest(Save(claim=attempt.claim, step=step)) for step in (1, 3))
        assert done.objects > 0
        swept(store, attempt.claim, keep_best=True, final=True)
        assert steps_left(store) == [5, 4, 2]
        assert not unreferenced(store)
        assert swept(store, attempt.claim, keep_best=True, final=True) == Swept(removed=(), objects=0, skipped=())


def test_what_is_being_uploaded_is_never_touched(store: Store) -> None:
    """Agents are two steps ahead, and share chunks all the way back: everything they count on is still there."""
    with world.small_chunks():
        attempt = Attempt(store)
        attempt.save(1, 2, 3)
        attempt.upload(4)
        swept(store, attempt.claim, keep_last=1)
        part = attempt.upload(5)
        swept(store, attempt.claim, keep_last=1)
        commit(store, part, timeout_s=0)
        assert steps_left(store) == [5, 3]
        swept(store, attempt.claim, keep_last=1)
        assert steps_left(store) == [5]


@pytest.mark.parametrize("final", [False, True])
def test_the_first_save_of_an_attempt_is_not_touched_either(store: Store, final: bool) -> None:  # noqa: FBT001 - pytest
    """Even at step 0, and even if it is that of the next attempt, which began while this one was sweeping for the last time."""
    with world.small_chunks():
        number = train(store, 1) if final else Attempt(store).claim
        uploading = world.save_slices(store, world.info(claim=number + final, step=0), world.slices_of(state(0), 0, 1))
        swept(store, number, final=final)
        assert commit(store, uploading, timeout_s=0).step == 0
        assert world.read(store, load_manifest(store, candidates(store)[0])) == state(0)


def test_what_crashed_attempts_left_goes_with_the_next_sweep(store: Store) -> None:
    """Chunks and parts that never came to a manifest, of whichever attempt."""
    with world.small_chunks():
        train(store, 1)
        world.save_parts(store, [world.slices_of(state(2), rank, 2) for rank in range(2)], step=2, claim=1)
        number = train(store, 2)
        assert unreferenced(store)
        swept(store, number)
        assert steps_left(store) == [2, 1]
        assert not {key for key in unreferenced(store) if key.split("/")[1] != f"{number:06d}"}


def test_an_abandoned_save_of_this_attempt_goes_once_a_newer_one_is_whole(store: Store) -> None:
    """A rank that was too late for step 2 does not fill the disk until the attempt ends."""
    with world.small_chunks():
        number = train(store, 1)
        world.save_parts(store, [world.slices_of(state(2), 0, 2)], step=2, claim=number)
        swept(store, number)
        assert unreferenced(store)
        for_step_3 = world.save_parts(store, [world.slices_of(state(3), rank, 2) for rank in range(2)], step=3, claim=number)
        commit(store, for_step_3[0], timeout_s=0)
        swept(store, number)
        assert all(keys.uploaded_for(key) == Save(claim=number, step=3) for key in unreferenced(store))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.booleans())
def test_a_sweep_may_be_killed_anywhere(after: int, in_a_new_attempt: bool) -> None:  # noqa: FBT001 - hypothesis
    """Whatever was deleted until then, every checkpoint that is left is whole, and the next sweep finishes the work."""
    with world.directory() as store, world.small_chunks():
        number = train(store, 1, 2, 3, 4)
        if in_a_new_attempt:
            number = train(store, 5)
        dying = Faulty(store=store, before=failing("delete", KeyboardInterrupt(), after=after))
        try:
            swept(dying, number, final=True)
        except KeyboardInterrupt:
            steps_left(store)
        swept(store, number, final=True)
        assert steps_left(store) == ([5, 4] if in_a_new_attempt else [4, 3])
        assert not unreferenced(store)


def test_a_superseded_attempt_deletes_nothing(store: Store) -> None:
    """It is told so."""
    number = train(store, 1, 2, 3)
    claim(store, attempt=2, uid="u", now=world.AT)
    with pytest.raises(Fenced):
        swept(store, number)
    assert steps_left(store) == [3, 2, 1]


@pytest.mark.parametrize("data", [b"garbage", b'{"format":"tandem.checkpoint","version":2}'])
def test_what_cannot_be_read_is_never_deleted_nor_what_it_may_need(store: Store, data: bytes) -> None:
    """Everything of its attempt and before stays, and each sweep says why; later attempts are swept all the same."""
    with world.small_chunks():
        train(store, 1, 2, 3)
        foreign = keys.manifest(Save(claim=1, step=4))
        store.put(foreign, data)
        everything = {info.key for info in store.list("")}
        number = train(store, 5, 6, 7)
        done = swept(store, number, keep_last=1, final=True)
        left = {info.key for info in store.list("")}
    assert everything <= left
    assert done.removed == tuple(keys.manifest(Save(claim=number, step=step)) for step in (5, 6))
    assert [skipped.key for skipped in done.skipped] == [foreign]
    assert str(done.skipped[0]).endswith("; nothing as old as it will be deleted while it is there")


def test_an_unknown_name_among_the_manifests_stops_all_deletion(store: Store) -> None:
    """Nobody knows what it needs."""
    number = train(store, 1, 2, 3)
    store.put("manifests/000001-000000000001.v2.json", b"{}")
    before = {info.key for info in store.list("")}
    assert swept(store, number, final=True).objects == 0
    assert {info.key for info in store.list("")} == before


def test_a_damaged_checkpoint_takes_no_good_ones_place(store: Store) -> None:
    """One lost a chunk, one was found bad on resume: two good ones stay beside them, and they leave with their neighbours."""
    with world.small_chunks():
        number = train(store, 1, 2, 3, 4)
        broken, bad = (keys.manifest(Save(claim=number, step=step)) for step in (3, 4))
        only_there = load_manifest(store, broken).chunks.keys() - load_manifest(store, bad).chunks.keys()
        store.delete([min(only_there)])
        assert swept(store, number, distrusted=[bad]).removed == ()
        assert candidates(store) == tuple(keys.manifest(Save(claim=number, step=step)) for step in (4, 3, 2, 1))
        number = train(store, 5, 6)
        assert swept(store, number, distrusted=[bad]).removed == tuple(keys.manifest(Save(claim=1, step=step)) for step in (1, 2, 3, 4))
        assert steps_left(store) == [6, 5]


def test_an_old_writers_late_checkpoint_counts_as_older(store: Store) -> None:
    """It slipped in between a check and a new claim: it is no candidate before the new attempt's own."""
    train(store, 1)
    late = load_manifest(store, world.save(store, state(90), claim=1, step=90).key)
    number = train(store, 2, 3)
    store.delete([late.key])
    store.put_if_absent(late.key, encode_manifest(late))
    assert candidates(store)[0] == keys.manifest(Save(claim=number, step=3))
    assert swept(store, number).removed == tuple(keys.manifest(Save(claim=1, step=step)) for step in (1, 90))
