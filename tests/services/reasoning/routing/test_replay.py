"""Judging other policies by what one policy saw."""

from dataclasses import replace

import numpy as np
import pytest
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.routing.decision import Arm, Decision, Mode, Policy
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.fixed import Cloud, Local, Random
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.replay.curve import oracle
from tandem_reasoning.routing.replay.evaluation import evaluate
from tandem_reasoning.routing.replay.log import Logged, Outcome, logged, outcome
from tandem_reasoning.routing.thresholds import Learning, Thresholds

from tests.services.reasoning.routing.knowing import known
from tests.services.reasoning.routing.population import Asked, answered, population, whole

ALONE = Learning(explore=0.0)
TARGETS: dict[str, Policy] = {
    "local": Local(mode=Mode.SINGLE),
    "cloud": Cloud(),
    "coin": Random(share=0.5),
    "knn": Knn(learning=ALONE),
    "strict": Cascade(thresholds=Thresholds(local_above=0.95, cloud_below=0.05), learning=ALONE),
}
EACH_ALONE: dict[str, tuple[Policy, Arm]] = {
    "vote": (Local(), Arm.VOTE),
    "call": (Local(mode=Mode.SINGLE), Arm.LOCAL),
    "cloud": (Cloud(), Arm.CLOUD),
}
OUTCOMES = {Arm.LOCAL: Outcome(0.0, 1), Arm.VOTE: Outcome(1.0, 8), Arm.CLOUD: Outcome(0.5, 100)}


def test_replay_tells_what_another_policy_would_have_been_worth() -> None:
    """From a cascade's log with 15 % exploration alone: within three points of the truth for worth and cost of five other policies."""
    questions = population(3000, seed=7)
    log = answered(questions, Cascade(learning=Learning(explore=0.15))).log
    truth = [whole(row.known, question) for row, question in zip(log, questions, strict=True)]
    for name, policy in TARGETS.items():
        found, real = evaluate(log, policy), evaluate(truth, policy)
        assert found.worth is not None, name
        assert found.cost_nano is not None, name
        assert real.worth is not None, name
        assert real.cost_nano is not None, name
        assert found.worth.mean == approx(real.worth.mean, abs=0.03), name
        assert found.cost_nano.mean == approx(real.cost_nano.mean, abs=30), name
        assert found.worth.snips == approx(real.worth.mean, abs=0.06), name
        assert found.worth.ips == approx(real.worth.mean, abs=0.08), name


def test_intervals_hold_the_truth() -> None:
    """Of twenty runs of 400 questions, the 95 % interval of the worth of all-cloud misses the truth in three at most."""
    missed = 0
    for seed in range(20):
        questions = population(400, seed=100 + seed)
        log = answered(questions, Cascade(learning=Learning(explore=0.2)), uid=str(seed)).log
        found = evaluate(log, Cloud()).worth
        assert found is not None
        assert found.interval is not None
        missed += not found.interval.touches(sum(question.cloud == "right" for question in questions) / len(questions))
    assert missed <= 3


@pytest.mark.parametrize("classes", [True, False])
def test_each_lane_alone_is_told_without_asking_it_all(*, classes: bool) -> None:
    """Of forty runs of 240 questions that explored a twentieth: near the truth in the mean, and 95 % intervals hold it in 36 at least."""
    off: dict[str, list[float]] = {name: [] for name in EACH_ALONE}
    held, beyond = dict.fromkeys(EACH_ALONE, 0), list[float]()
    for seed in range(40):
        questions = population(240, seed=2000 + seed)
        asked = questions if classes else [replace(question, kind="") for question in questions]
        log = answered(asked, Cascade(), uid=str(seed)).log
        found = {name: evaluate(log, policy) for name, (policy, _) in EACH_ALONE.items()}
        for name, (_, arm) in EACH_ALONE.items():
            worth, truth = found[name].worth, best_of(questions, arm)
            assert worth is not None
            assert worth.interval is not None
            off[name].append(worth.mean - truth)
            held[name] += worth.interval.touches(truth)
        best = oracle(found["vote"], found["cloud"])
        assert best is not None
        beyond.append(best.worth - best_of(questions, Arm.VOTE, Arm.CLOUD))
    for name in EACH_ALONE:
        assert np.mean(off[name]) == approx(0, abs=0.02), name
        assert np.mean(np.abs(off[name])) < 0.04, name
        assert held[name] >= 36, name
    assert np.abs(beyond).max() < 0.03


def best_of(questions: list[Asked], *arms: Arm) -> float:
    """Mean worth of the best of these answers."""
    return float(np.mean([max(question.outcomes()[arm].worth for arm in arms) for question in questions]))


def test_what_was_seen_is_as_it_was_and_the_rest_as_its_like() -> None:
    """A lane that has one class right and the other wrong, asked all of the one and a tenth of the other: half, not nine tenths."""
    easy = [asked_cloud("easy", 1.0, chance=1.0)] * 100
    hard = [*[asked_cloud("hard", 0.0, chance=0.1)] * 10, *[asked_cloud("hard", None, chance=0.1)] * 90]
    found = evaluate([*easy, *hard], Cloud())
    assert found.worth is not None
    assert found.worth.mean == approx(0.5, abs=0.01)
    assert found.worth.values_N[:110].tolist() == [1.0] * 100 + [0.0] * 10
    assert found.worth.values_N[110:].max() < 0.02
    assert evaluate([*easy, *hard[8:]], Cloud()).effective < found.effective < found.questions


def asked_cloud(kind: str, worth: float | None, *, chance: float) -> Logged:
    """A question that the cloud lane was asked, or might have been."""
    seen = {} if worth is None else {Arm.CLOUD: Outcome(worth, 100)}
    return Logged(known=known(kind=kind), seen=seen, chances={Arm.CLOUD: chance})


def test_a_coin_for_a_lane_that_was_never_asked_is_not_known() -> None:
    """What the local lane is worth is not what the cloud lane is, though one half of the coin was seen."""
    rows = [Logged(known=known(), seen={Arm.LOCAL: Outcome(0.0, 0)}, chances={Arm.LOCAL: 1.0})] * 40
    assert evaluate(rows, Random(share=0.5)).worth is None
    assert evaluate(rows, Local(mode=Mode.SINGLE)).worth is not None


def test_where_all_that_was_seen_was_right_few_questions_do_not_say_all() -> None:
    """Twelve of twelve are no certainty, and twelve hundred nearly are; what never differs costs the same for certain."""
    lows = list[float]()
    for count in (12, 1200):
        rows = [Logged(known=known(0.9), seen={**OUTCOMES, Arm.CLOUD: Outcome(1.0, 100)}, chances=dict.fromkeys(OUTCOMES, 1.0), share=1.0)]
        found = evaluate(rows * count, Cloud())
        assert found.worth is not None
        assert found.worth.interval is not None
        assert found.cost_nano is not None
        assert (found.worth.mean, found.worth.interval.high) == (1.0, 1.0)
        assert found.cost_nano.interval == (100, 100)
        lows.append(found.worth.interval.low)
    assert lows[0] == approx(12 / (12 + 1.96**2))
    assert lows[1] > 0.99


def test_a_policy_judged_by_its_own_full_log_is_what_it_was() -> None:
    """Where everything was seen for certain, every weight is one and all estimates are the plain mean."""
    rows = [Logged(known=known(0.9), seen=OUTCOMES, chances=dict.fromkeys(OUTCOMES, 1.0), share=1.0)] * 12
    found = evaluate(rows, Cloud())
    assert found.worth is not None
    assert (found.worth.ips, found.worth.snips, found.worth.mean) == (0.5, 0.5, 0.5)
    assert (found.questions, found.seen, found.effective) == (12, 12, 12)


def test_what_was_never_seen_is_not_made_up() -> None:
    """A log of local answers alone says nothing of the cloud lane."""
    rows = [Logged(known=known(0.9), seen={Arm.LOCAL: Outcome(1.0, 0)}, chances={Arm.LOCAL: 1.0})] * 12
    found = evaluate(rows, Cloud())
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
