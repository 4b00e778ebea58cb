"""A run whose router learns: from outcome to outcome, over restarts, and with all in the books that a replay needs."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tandem_reasoning.ledger import Item
from tandem_reasoning.routing.decision import Mode
from tandem_reasoning.routing.replay import choice

from tests.services.reasoning.coordinator.learning_run import WARMUP, run


def lanes(found: Sequence[Item], kind: str) -> set[str]:
    return {item.outcome.lane for item in found if item.outcome and item.question.kind == kind}


def test_neighbours_route_what_they_know(tmp_path: Path) -> None:
    """After the warm-up sums stay local and rhymes go to the cloud lane at once; what that rests on is in the books."""
    found = run(tmp_path, 60, policy="Knn")
    later = found[WARMUP + 8 :]
    assert (lanes(later, "sum"), lanes(later, "rhyme")) == ({"local"}, {"cloud"})
    for item in later:
        assert item.outcome is not None
        assert item.outcome.decision is not None
        decision = choice.read(item.outcome.decision.choice)
        assert decision is not None
        assert decision.mode is Mode.SINGLE
        near = json.loads(item.outcome.detail)["near"]
        assert 0 < len(near) <= 15
        assert near[0][1] == (item.question.kind == "sum")


def test_votes_that_are_sure_and_wrong_are_found_out(tmp_path: Path) -> None:
    """A cascade alone would believe unanimous experts; with its neighbours and what votes were worth on this class it does not."""
    found = run(tmp_path, 60, policy="Cascade", warmup=30)
    later = found[30 + 8 :]
    assert (lanes(later, "sum"), lanes(later, "rhyme")) == ({"local"}, {"cloud"})


def test_what_was_learned_and_decided_outlives_the_coordinator(tmp_path: Path) -> None:
    """One that is started anew twice asks both lanes no more often than another, and every outcome has its decision."""
    found = run(tmp_path, 40, parts=(10, 20), policy="Knn")
    decisions = [item.outcome.decision for item in found if item.outcome]
    assert all(decisions)
    compared = [each for each in decisions if each and "compared" in each.choice]
    assert WARMUP <= len(compared) <= WARMUP + 4  # what was under way when a coordinator ended


def test_a_class_that_comes_after_another_has_a_warm_up_of_its_own(tmp_path: Path) -> None:
    """Half of it each, though all sums come before all rhymes: what is known of sums says nothing of these, and nobody believes it."""
    found = run(tmp_path, 80, policy="Cascade", in_blocks=True)
    compared = Counter(
        item.question.kind for item in found if item.outcome and item.outcome.decision and "compared" in item.outcome.decision.choice
    )
    assert compared == {"sum": WARMUP // 2, "rhyme": WARMUP // 2}
    assert lanes(found[WARMUP // 2 + 4 : 40], "sum") == {"local"}
    assert lanes(found[40 + WARMUP // 2 + 4 :], "rhyme") == {"cloud"}


@pytest.mark.parametrize(("left", "mode"), [(timedelta(0), Mode.SINGLE), (timedelta(days=1), Mode.CASCADE)])
def test_who_is_late_asks_once(tmp_path: Path, left: timedelta, mode: Mode) -> None:
    """As soon as the run's speed is known and too low for the time that is left, questions are asked once; else the run learns on."""
    found = run(tmp_path, 40, policy="Cascade", warmup=40, ends_at=datetime.now(UTC) + left)
    decisions = [choice.read(item.outcome.decision.choice) for item in found[-10:] if item.outcome and item.outcome.decision]
    assert [decision and decision.mode for decision in decisions] == [mode] * 10


@pytest.mark.parametrize("kind", ["sum", "rhyme"])
def test_an_ensemble_knows_what_both_together_would_have_said(tmp_path: Path, kind: str) -> None:
    """From the comparisons: three sure experts outvote a cloud lane, which is worth nothing where they are wrong."""
    found = run(tmp_path, 30, policy="Ensemble")
    joined = {json.loads(item.outcome.detail).get("joined") for item in found[:WARMUP] if item.outcome and item.question.kind == kind}
    assert joined == ({"so"} if kind == "sum" else {"no"})
    assert {item.outcome.answer for item in found if item.outcome and item.question.kind == kind} <= {"so", "no"}
