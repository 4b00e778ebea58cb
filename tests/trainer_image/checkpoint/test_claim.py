"""Who may write."""

from concurrent.futures import ThreadPoolExecutor

from tandem_objects import Store
from tandem_trainer.checkpoint.claim import claim, highest, superseded

from tests.trainer_image.checkpoint.world import AT


def test_each_claim_supersedes_all_before(store: Store) -> None:
    """Numbers only grow; the newest claim is in force."""
    assert highest(store) == 0
    first = claim(store, attempt=1, uid="u", now=AT)
    assert not superseded(store, first)
    second = claim(store, attempt=2, uid="u", now=AT)
    assert second > first
    assert superseded(store, first)
    assert not superseded(store, second)


def test_claimers_that_race_get_different_numbers(store: Store) -> None:
    """Sixteen at once: sixteen numbers, and none is left out."""
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda attempt: claim(store, attempt=attempt, uid="u", now=AT), range(16)))
    assert sorted(numbers) == list(range(1, 17))
