"""Judging other policies by what one policy saw."""

from dataclasses import replace

import pytest
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.routing.decision import Arm, Decision, Mode, Policy
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.fixed import Cloud, Local, Random
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.replay.evaluation import evaluate
from tandem_reasoning.routing.replay.log import Logged, Outcome, logged, outcome
from tandem_reasoning.routing.thresholds import Learning, Thresholds

from tests.services.reasoning.routing.knowing import known
from tests.services.reasoning.routing.population import answered, population, whole

ALONE = Learning(explore=0.0)
TARGETS: dict[str, Policy] = {
    "local": Local(mode=Mode.SINGLE),
    "cloud": Cloud(),
    "coin": Random(share=0.5),
    "knn": Knn(learning=ALONE),
    "strict": Cascade(thresholds=Thresholds(local_above=0.95, cloud_below=0.05), learning=ALONE),
}
OUTCOMES = {Arm.LOCAL: Outcome(0.0, 1), Arm.VOTE: Outcome(1.0, 8), Arm.CLOUD: Outcome(0.5, 100)}


def test_replay_tells_what_another_policy_would_have_been_worth() -> None:
    """From a cascade's log with 15 % exploration alone: within three points of the truth for worth and cost of five other policies."""
    questions = population(3000, seed=7)
    log = answered(questions, Cascade(learning=Learning(explore=0.15))).log
    truth = [whole(row.known, question) for row, question in zip(log, questions, strict=True)]
    for name, policy in TARGETS.items():
        found, real = evaluate(log, policy, resamples=50), evaluate(truth, policy, resamples=50)
        assert found.worth is not None, name
        assert found.cost_nano is not None, name
        assert real.worth is not None, name
        assert real.cost_nano is not None, name
        assert found.worth.dr == approx(real.worth.dr, abs=0.03), name
        assert found.cost_nano.dr == approx(real.cost_nano.dr, abs=30), name
        assert found.worth.snips == approx(real.worth.dr, abs=0.06), name
        assert found.worth.ips == approx(real.worth.dr, abs=0.08), name


def test_intervals_hold_the_truth() -> None:
    """Of twenty runs of 400 questions, the 95 % interval of the worth of all-cloud misses the truth in three at most."""
    missed = 0
    for seed in range(20):
        questions = population(400, seed=100 + seed)
        log = answered(questions, Cascade(learning=Learning(explore=0.2)), uid=str(seed)).log
        found = evaluate(log, Cloud(), resamples=100).worth
        assert found is not None
        assert found.interval is not None
        missed += not found.interval.touches(sum(question.cloud == "right" for question in questions) / len(questions))
    assert missed <= 3


def test_where_all_that_was_seen_was_right_few_questions_do_not_say_all() -> None:
    """Twelve of twelve are no certainty, and twelve hundred nearly are; what never differs costs the same for certain."""
    lows = list[float]()
    for count in (12, 1200):
        rows = [Logged(known=known(0.9), seen={**OUTCOMES, Arm.CLOUD: Outcome(1.0, 100)}, chances=dict.fromkeys(OUTCOMES, 1.0), share=1.0)]
        found = evaluate(rows * count, Cloud(), resamples=20)
        assert found.worth is not None
        assert found.worth.interval is not None
        assert found.cost_nano is not None
        assert (found.worth.dr, found.worth.interval.high) == (1.0, 1.0)
        assert found.cost_nano.interval == (100, 100)
        lows.append(found.worth.interval.low)
    assert lows[0] == approx(12 / (12 + 1.96**2))
    assert lows[1] > 0.99


def test_a_policy_judged_by_its_own_full_log_is_what_it_was() -> None:
    """Where everything was seen for certain, every weight is one and all estimates are the plain mean."""
    rows = [Logged(known=known(0.9), seen=OUTCOMES, chances=dict.fromkeys(OUTCOMES, 1.0), share=1.0)] * 12
    found = evaluate(rows, Cloud(), resamples=20)
    assert found.worth is not None
    assert (found.worth.ips, found.worth.snips, found.worth.dr) == (0.5, 0.5, 0.5)
    assert (found.questions, found.seen, found.effective) == (12, 12, 12)


def test_what_was_never_seen_is_not_made_up() -> None:
    """A log of local answers alone says nothing of the cloud lane."""
    rows = [Logged(known=known(0.9), seen={Arm.LOCAL: Outcome(1.0, 0)}, chances={Arm.LOCAL: 1.0})] * 12
    found = evaluate(rows, Cloud(), resamples=20)
    assert (found.worth, found.cost_nano, found.seen) == (None, None, 0)


@pytest.mark.parametrize(
    ("mode", "lanes", "line", "worth", "cost", "chance"),
    [
        (Mode.SINGLE, ("here",), 1.0, 0.0, 1, 0.1),
        (Mode.SINGLE, ("there",), 1.0, 0.5, 100, 0.05),
        (Mode.VOTE, ("here",), 1.0, 1.0, 8, 1.0),
        (Mode.CASCADE, ("here", "there"), 1.0, 0.5, 108, 0.05),
        (Mode.CASCADE, ("here", "there"), 0.5, 1.0, 8, 1.0),
    ],
)
def test_another_decision_costs_all_that_it_asks(
    *, mode: Mode, lanes: tuple[str, ...], line: float, worth: float, cost: int, chance: float
) -> None:
    """The answer of the last one asked counts, all are paid, and the rarest of them says how seldom it is seen."""
    row = Logged(known=known(0.5), seen=OUTCOMES, chances={Arm.LOCAL: 0.1, Arm.VOTE: 1.0, Arm.CLOUD: 0.05}, share=0.75)
    assert outcome(Decision(lanes=lanes, mode=mode, reason="", escalate_below=line), row) == ((worth, cost), chance)


def test_a_cascade_sees_for_certain_what_it_hands_on() -> None:
    """Below its line the cloud lane's answer was bound to be seen, above it only by exploration; a vote alone never hands on."""
    cascade, votes = Cascade(learning=Learning(explore=0.1)), Cascade(thresholds=Thresholds(paid_below=0.0), learning=Learning(explore=0.1))
    for draw in (0.05, 0.5):
        told = known(0.5, draw=draw)
        chances = [logged(told, policy.route(told), OUTCOMES, share=share).chances for policy in (cascade, votes) for share in (0.75, 1.0)]
        assert [each[Arm.CLOUD] for each in chances] == [1.0, 0.1, 0.1, 0.1]
        refused = logged(told, replace(cascade.route(told), spared=True), {Arm.VOTE: OUTCOMES[Arm.VOTE]}, share=0.75)
        assert Arm.CLOUD not in refused.chances


def test_without_a_vote_nobody_knows_whether_a_cascade_would_have_gone_on() -> None:
    """So its worth was not seen."""
    row = Logged(known=known(0.5), seen={Arm.CLOUD: Outcome(1.0, 1)}, chances={Arm.CLOUD: 1.0})
    assert outcome(Decision(lanes=("here", "there"), mode=Mode.CASCADE, reason=""), row) is None
