"""Who may write: the latest attempt, in whichever order attempts ask, on a directory and on MinIO."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint.claim import claim, ensure_in_force, highest
from tandem_trainer.checkpoint.errors import Contested, Fenced

from tests.parts.minio_server import MinioServer
from tests.trainer_image.checkpoint.faults import Faulty
from tests.trainer_image.checkpoint.world import AT


@pytest.fixture(params=["directory", pytest.param("minio", marks=pytest.mark.needs_part("minio"))])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "directory":
        return open_store((tmp_path / "checkpoints").as_uri(), {})
    server: MinioServer = request.getfixturevalue("minio")
    return open_store(f"s3://{server.new_bucket()}/runs/r", server.environ)


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


def test_an_attempt_that_asks_after_a_later_one_gets_no_claim(store: Store) -> None:
    """It arrives last and is the older all the same: it is fenced, leaves no claim, and the later attempt's stays in force."""
    second = claim(store, attempt=2, uid="u", now=AT)
    with pytest.raises(Fenced, match=r"^claim 1 on \S+ is of attempt 2: attempt 1 came too late and must stop$"):
        claim(store, attempt=1, uid="u", now=AT)
    assert highest(store) == second
    ensure_in_force(store, second)
    assert claim(store, attempt=3, uid="u", now=AT) > second


def test_an_attempt_that_claims_again_is_not_late(store: Store) -> None:
    """It is as late as itself: whoever answers for it now holds the claim."""
    assert [claim(store, attempt=2, uid="u", now=AT) for _ in range(2)] == [1, 2]


def test_attempts_of_other_runs_do_not_count(store: Store) -> None:
    """Each run counts its own: another's claim neither fences it off nor hides that a later attempt of its own was here."""
    claim(store, attempt=5, uid="mine", now=AT)
    assert claim(store, attempt=1, uid="theirs", now=AT) == 2
    with pytest.raises(Fenced, match=r"^claim 1 on \S+ is of attempt 5"):
        claim(store, attempt=4, uid="mine", now=AT)


def test_a_later_attempt_that_is_quicker_by_a_moment_fences(store: Store) -> None:
    """The earlier one saw no claim, and finds its number taken: it looks again at whose."""

    def quicker(verb: str, _key: str) -> None:
        if verb == "put_if_absent":
            claim(store, attempt=2, uid="u", now=AT)

    with pytest.raises(Fenced, match="is of attempt 2: attempt 1 came too late"):
        claim(Faulty(store=store, before=quicker), attempt=1, uid="u", now=AT)
    assert highest(store) == 1


def test_claimers_that_race_are_ordered_by_attempt(store: Store) -> None:
    """Sixteen at once: whoever gets a number gets one of its own, never below that of an earlier attempt; the last gets one."""

    def number(attempt: int) -> int | None:
        try:
            return claim(store, attempt=attempt, uid="u", now=AT)
        except Fenced:
            return None

    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(number, range(16)))
    given = [each for each in numbers if each is not None]
    assert given == list(range(1, len(given) + 1))
    assert numbers[-1] == highest(store)


def test_claimers_of_one_attempt_that_race_get_different_numbers(store: Store) -> None:
    """Sixteen at once: sixteen numbers, and none is left out."""
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda _: claim(store, attempt=1, uid="u", now=AT), range(16)))
    assert sorted(numbers) == list(range(1, 17))
