"""What routing is worth on questions whose truth is known: the target that a run on real models has to reach, too."""

import numpy as np
import pytest
from tandem_reasoning.routing.decision import Arm, Policy
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.fixed import Random
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.replay.curve import Curve, Point
from tandem_reasoning.routing.thresholds import Learning, Thresholds

from tests.services.reasoning.routing.population import CLOUD_NANO, answered, population

ITEMS = 1500
CLEAR, BLURRED = 0.35, 0.9  # all, and nine in ten, of the fifteen nearest questions are of the same class


def curve(blur: float, seed: int, policy: Policy, *, budget_nano: int | None = None) -> tuple[Curve, Point]:
    """The policy's point between both lanes, warm-up and exploration paid."""
    questions = population(ITEMS, seed=seed, blur=blur)
    run = answered(questions, policy, budget_nano=budget_nano)
    vote, cloud = (sum(each.outcomes()[arm].worth for each in questions) / ITEMS for arm in (Arm.VOTE, Arm.CLOUD))
    point = Point("", run.cost_part * CLOUD_NANO, run.accuracy)
    return Curve(local=Point("", 0, vote), cloud=Point("", CLOUD_NANO, cloud), points=(point,)), point


@pytest.mark.parametrize("blur", [CLEAR, BLURRED])
def test_neighbours_and_votes_beat_a_coin_by_fifteen_points(blur: float) -> None:
    """At equal cost, with 95 % of all-cloud accuracy for at most 60 % of its cost; mean of three populations."""
    found = [curve(blur, seed, Cascade()) for seed in range(3)]
    assert np.mean([each.over_random(point) for each, point in found]) >= 0.15
    assert np.mean([point.worth / each.cloud.worth for each, point in found]) >= 0.95
    assert np.mean([point.cost_nano / each.cloud.cost_nano for each, point in found]) <= 0.60


def test_a_coin_beats_no_coin() -> None:
    """The yardstick itself lies on its line."""
    found, point = curve(CLEAR, 0, Random(share=0.5))
    assert abs(found.over_random(point)) < 0.03


def test_each_part_of_the_policy_pays() -> None:
    """Where neighbours are blurred, neighbours with votes beat neighbours alone, and votes alone."""
    alone = Learning(warmup=0, explore=0.0)
    votes = Cascade(thresholds=Thresholds(local_above=2.0, cloud_below=0.0, sure=0.0), learning=alone)
    gains = {
        name: np.mean([_gain(policy, seed) for seed in range(2)])
        for name, policy in (("both", Cascade()), ("knn", Knn()), ("votes", votes))
    }
    assert gains["both"] > gains["knn"] + 0.01
    assert gains["both"] > gains["votes"] + 0.01


def _gain(policy: Policy, seed: int) -> float:
    found, point = curve(BLURRED, seed, policy)
    return found.over_random(point)


@pytest.mark.parametrize(("part", "gain"), [(0.1, 0.02), (0.3, 0.08)])
def test_a_paced_run_keeps_to_its_budget_and_beats_a_coin(part: float, gain: float) -> None:
    """With dollars for a tenth and for three tenths of the questions, it spends nearly all, never more, and better than a coin would."""
    found, point = curve(BLURRED, 5, Cascade(), budget_nano=round(part * ITEMS * CLOUD_NANO))
    assert 0.95 * part <= point.cost_nano / CLOUD_NANO <= part
    assert found.over_random(point) >= gain
