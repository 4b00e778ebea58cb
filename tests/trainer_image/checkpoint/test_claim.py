"""Who may write."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tandem_objects import Store
from tandem_trainer.checkpoint.claim import claim, ensure_in_force, highest
from tandem_trainer.checkpoint.errors import Contested, Fenced

from tests.trainer_image.checkpoint.world import AT


def test_each_claim_supersedes_all_before(store: Store) -> None:
    """Numbers only grow; the newest claim is in force."""
    assert highest(store) == 0
    first = claim(store, attempt=1, uid="u", now=AT)
    ensure_in_force(store, first)
    second = claim(store, attempt=2, uid="u", now=AT)
    assert second > first
    with pytest.raises(Fenced, match="newer attempt"):
        ensure_in_force(store, first)
    ensure_in_force(store, second)


def test_a_place_that_another_run_has_claimed_is_a_persons_mistake(store: Store) -> None:
    """Not fenced off, which would be tried again: contested, with the fix."""
    mine = claim(store, attempt=1, uid="mine", now=AT)
    claim(store, attempt=1, uid="theirs", now=AT)
    with pytest.raises(Contested, match=r"of another run: give each run a checkpoint.uri of its own$"):
        ensure_in_force(store, mine)


def test_claimers_that_race_get_different_numbers(store: Store) -> None:
    """Sixteen at once: sixteen numbers, and none is left out."""
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda attempt: claim(store, attempt=attempt, uid="u", now=AT), range(16)))
    assert sorted(numbers) == list(range(1, 17))
