"""Policies: who is asked, in which manner, and with which chance."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.routing.decision import Arm, Mode, Policy
from tandem_reasoning.routing.estimate import agreement
from tandem_reasoning.routing.experience import Experience
from tandem_reasoning.routing.gain import Gain
from tandem_reasoning.routing.known import Labels, LaneView, Neighbour
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.ensemble import Ensemble
from tandem_reasoning.routing.policies.fixed import Cloud, Local, Random
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.thresholds import LEARNING, Thresholds
from tandem_reasoning.values import LaneKind

from tests.services.reasoning.routing.knowing import DOWN, HERE, THERE, known

POLICIES: tuple[Policy, ...] = (Local(), Cloud(), Random(), Knn(), Cascade(), Ensemble(gains={"": Gain(won=99, items=99)}))
LANES = st.lists(
    st.builds(
        LaneView,
        name=st.sampled_from("abcd"),
        kind=st.sampled_from(LaneKind),
        ready=st.booleans(),
        answer_nano=st.integers(0, 9),
        load=st.floats(0, 2),
    ),
    max_size=5,
    unique_by=lambda lane: lane.name,
)


@given(
    policy=st.sampled_from(POLICIES),
    lanes=LANES,
    draw=st.floats(0, 1, exclude_max=True),
    p=st.none() | st.floats(0, 1),
    labels=st.builds(Labels, there=st.integers(0, 80), coming=st.integers(0, 80)),
    left=st.none() | st.integers(0, 9),
    pressure=st.floats(0, 3),
)
def test_only_lanes_that_can_be_asked_and_paid_are(
    *, policy: Policy, lanes: list[LaneView], draw: float, p: float | None, labels: Labels, left: int | None, pressure: float
) -> None:
    """Whatever is known: somebody is asked exactly when somebody can be, chances are chances, and there is a sentence why."""
    told = known(p, lanes=lanes, draw=draw, labels=labels, left_nano=left, pressure=pressure)
    decision = policy.route(told)
    able = {lane.name for lane in lanes if lane.ready and (left is None or lane.answer_nano <= left)}
    assert set(decision.lanes) <= able
    assert bool(decision.lanes) == bool(able)
    assert 0 < decision.propensity <= 1
    assert all(0 < chance <= 1 for chance in decision.seen.values())
    assert decision.reason.endswith(".")
    assert policy.route(told) == decision


@given(st.sampled_from((Knn(), Cascade())), st.floats(0, 1), st.floats(0, 1))
def test_likelier_agreement_never_means_more_cloud(policy: Policy, one: float, other: float) -> None:
    """From the cloud lane at once over a cascade to one local call, and never back."""
    low, high = sorted((one, other))

    def cloudy(p: float) -> int:
        decision = policy.route(known(p))
        return (decision.lanes[-1] == "there") + (decision.lanes[0] == "there")

    assert cloudy(low) >= cloudy(high)


@pytest.mark.parametrize(
    ("p", "mode", "lanes"),
    [
        (0.8, Mode.SINGLE, ("here",)),
        (0.79, Mode.CASCADE, ("here", "there")),
        (0.19, Mode.SINGLE, ("there",)),
        (None, Mode.CASCADE, ("here", "there")),
    ],
)
def test_a_cascade_asks_cheaply_where_it_is_clear(p: float | None, mode: Mode, lanes: tuple[str, ...]) -> None:
    """One local call from 0.8 on, the cloud lane below 0.2, and the local experts first in between and where nothing is known."""
    decision = Cascade().route(known(p))
    assert (decision.mode, decision.lanes, decision.p, decision.compare) == (mode, lanes, p, False)


def test_one_local_call_stands_for_the_vote_once_it_is_seen_not_to_lose() -> None:
    """While nothing was compared, too; but one loss among fifty, or two questions, are too little to rest on.

    A class of which little is known is like its lane, unless it was seen to lose.
    """
    cascade = Cascade()
    assert cascade.route(known(0.9, kind="odes")).mode is Mode.SINGLE
    modes = list[Mode]()
    for n in range(120):
        experience = cascade.experience.seen("here", "odes", 1.0, agreed=True, alone=n != 60)
        cascade = replace(cascade, experience=experience.seen("here", "sums", 1.0, agreed=True))  # without a single call
        modes.append(cascade.route(known(0.9, kind="odes")).mode)
    assert [modes[n] for n in (0, 46, 48, 59, 60, 119)] == [Mode.VOTE, Mode.VOTE, *[Mode.SINGLE] * 2, Mode.VOTE, Mode.SINGLE]
    assert cascade.route(known(0.9, kind="sums")).mode is Mode.SINGLE
    worse = cascade.experience.seen("here", "sums", 1.0, agreed=True, alone=False)
    assert replace(cascade, experience=worse).route(known(0.9, kind="sums")).mode is Mode.VOTE
    told = replace(cascade, experience=Experience().seen("here", "", 1.0, agreed=True, alone=False)).route(known(0.9))
    assert (told.mode, told.lanes) == (Mode.VOTE, ("here",))
    assert "one call may be right on 67% fewer" in told.reason


@pytest.mark.parametrize("policy", [Knn(), Cascade(), Ensemble(gains={})])
def test_classes_share_the_warm_up(policy: Policy) -> None:
    """Five large ones have four each, a tiny one its three; while those are under way nothing is believed that is known of others."""
    of_class = {"kinds": (3, 40, 40, 40, 40, 40), "kind": "odes", "labels": Labels(there=999)}
    first, last = (policy.route(known(0.9, **of_class, labels_of_kind=Labels(there=there, coming=2))) for there in (0, 1))
    assert first.compare
    assert last.compare
    assert "3 of 4 questions of class 'odes'" in last.reason
    waits = policy.route(known(0.9, **of_class, labels_of_kind=Labels(there=2, coming=2)))
    assert (waits.compare, waits.p, waits.lanes[-1]) == (False, None, "there")
    over = policy.route(known(0.9, **of_class, labels_of_kind=Labels(there=4)))
    assert (over.lanes, over.p) == (("here",), 0.9)
    explored = policy.route(known(0.9, **of_class, labels_of_kind=Labels(there=2, coming=2), draw=0.01))
    assert (explored.compare, explored.propensity) == (True, LEARNING.explore)
    assert set(explored.seen) >= {Arm.LOCAL, Arm.CLOUD}
    assert policy.route(known(0.9, kinds=(9,) * 41, labels_of_kind=Labels())).lanes == ("here",)


def test_what_small_classes_do_not_need_is_left_to_large_ones() -> None:
    """All together never more than the warm-up, and so much that one more of each would be too many."""
    for sizes in ((40,) * 6, (1,) * 15 + (500,), (3, 40, 41), (5,), (1000, 2)):
        shares = dict.fromkeys(sizes, 0)
        for kind in sizes:
            there = 0
            while Cascade().route(known(0.9, kinds=sizes, labels=Labels(), labels_of_kind=Labels(there=there))).compare and there < kind:
                there += 1
            shares[kind] = there
        taken = sum(shares[kind] for kind in sizes)
        assert taken <= LEARNING.warmup or len(sizes) == 1
        assert taken + len(sizes) > LEARNING.warmup or taken == sum(sizes) or len(sizes) == 1


def test_a_vote_that_could_not_be_sure_enough_is_not_held() -> None:
    """Where unanimous experts were often wrong and neighbours doubt, eight local calls would be wasted before the cloud lane's."""
    cascade = Cascade()
    for agreed in [True] * 20 + [False] * 15:
        cascade = replace(cascade, experience=cascade.experience.seen("here", "", 1.0, agreed=agreed))
    assert cascade.route(known(0.3)).lanes == ("there",)
    assert cascade.route(known(0.75)).mode is Mode.CASCADE


def test_where_dollars_are_short_the_local_experts_vote_alone() -> None:
    """The line that pacing draws spares the questions of least gain, and leaves clear local ones as they were."""
    cascade = Cascade(thresholds=Thresholds(paid_below=0.1))
    assert [cascade.route(known(p)).mode for p in (0.9, 0.5, 0.15)] == [Mode.SINGLE, Mode.VOTE, Mode.VOTE]
    assert [cascade.route(known(p)).spared for p in (0.9, 0.5, 0.15)] == [False, True, True]
    assert cascade.route(known(0.05)).lanes == ("there",)


def test_knn_asks_one_lane_once() -> None:
    """The local one from its line on; the cloud lane where nothing is known."""
    assert [Knn().route(known(p)).lanes for p in (0.6, 0.59, None)] == [("here",), ("there",), ("there",)]


@pytest.mark.parametrize("policy", [Knn(), Cascade(), Ensemble(gains={})])
def test_warm_up_and_exploration_ask_both_lanes(policy: Policy) -> None:
    """All of the first twenty-four, and a twentieth of the rest by the item's own draw; their chances are told."""
    first = policy.route(known(0.9, labels=Labels(there=14, coming=9)))
    assert (first.compare, first.propensity, set(first.seen.values())) == (True, 1.0, {1.0})
    explored, usual = policy.route(known(0.9, draw=0.049)), policy.route(known(0.9, draw=0.05))
    assert (explored.compare, explored.propensity) == (True, LEARNING.explore)
    assert (usual.compare, usual.propensity) == (False, 1 - LEARNING.explore)
    assert explored.seen == usual.seen
    assert usual.seen[Arm.LOCAL] == 1.0
    assert usual.seen[Arm.CLOUD] == LEARNING.explore


def test_the_coin_falls_as_often_as_it_says() -> None:
    """Draws are uniform, so a share of 0.3 goes to the cloud lane for three draws in ten; chances are the coin's."""
    decisions = [Random(share=0.3).route(known(draw=draw / 100)) for draw in range(100)]
    assert sum(decision.lanes == ("there",) for decision in decisions) == 30
    assert {decision.lanes: decision.propensity for decision in decisions} == {("there",): 0.3, ("here",): 0.7}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_lane_that_is_down_fails_no_question(policy: Policy) -> None:
    """The other side answers, and the reason says why; with none left the question waits."""
    down = replace(THERE, ready=False)
    assert policy.route(known(0.1, lanes=(HERE, down))).lanes == ("here",)
    assert policy.route(known(0.9, lanes=(DOWN, THERE))).lanes == ("there",)
    assert policy.route(known(0.9, lanes=(DOWN, down))).lanes == ()
    alone = policy.route(known(0.1, lanes=(HERE, down)))
    assert (alone.spared, alone.instead) == (False, not isinstance(policy, Local))
    assert not policy.route(known(0.1)).instead
    assert "No Cloud lane is ready" in Cascade().route(known(0.1, lanes=(HERE, down))).reason


def test_without_dollars_the_local_lane_goes_on() -> None:
    """A call that the rest of the budget does not reach for is not made."""
    for broke in ({"left_nano": 999}, {"lanes": (HERE, replace(THERE, payable=False))}):
        decision = Cascade().route(known(0.1, **broke))
        assert (decision.lanes, decision.mode, decision.spared) == (("here",), Mode.VOTE, True)
        assert "do not reach" in decision.reason
    assert Cascade().route(known(0.1, left_nano=1000)).lanes == ("there",)


@pytest.mark.parametrize("policy", [Cloud(), Random(share=0.3), Knn(), Cascade(), Ensemble()])
@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("draw", [0.01, 0.99])
def test_only_what_the_cloud_lane_was_to_be_asked_is_spared(policy: Policy, p: float, draw: float) -> None:
    """All else is decided as if there was money; a vote that a cascade would have accepted has cost nobody an answer."""
    rich, broke = (policy.route(known(p, lanes=(HERE, replace(THERE, payable=paid)), draw=draw)) for paid in (True, False))
    assert broke.lanes == ("here",)
    if not rich.compare:  # nothing is compared for want of money: what is left is what the policy says besides
        assert broke.spared == ("there" in rich.lanes)
        assert broke.spared or broke.mode is rich.mode
        cascade = rich.mode is Mode.CASCADE
        assert not broke.spared or [broke.missed(share) for share in (0.0, 1.0)] == [True, not cascade or rich.escalate_below > 1]


def test_the_cheapest_lane_with_room_is_taken() -> None:
    """Price first, then load, then name."""
    lanes = (HERE, THERE, replace(THERE, name="cheap", answer_nano=5, load=0.9), replace(THERE, name="empty", answer_nano=5, load=0.1))
    assert Cloud().route(known(lanes=lanes)).lanes == ("empty",)


def test_a_late_run_asks_once() -> None:
    """No exploration and no cascade; a full lane gives way to one with room."""
    late = {"pressure": 1.1, "draw": 0.0}
    assert Cascade().route(known(0.5, **late)).lanes == ("here",)
    assert Cascade().route(known(0.4, **late)).lanes == ("there",)
    assert Cascade().route(known(0.5, lanes=(replace(HERE, load=1.0), THERE), **late)).lanes == ("there",)


def test_an_ensemble_is_earned_by_class() -> None:
    """A class whose joint vote gained for certain votes jointly where a cascade would be; others, and clear questions, do not."""
    policy = Ensemble(gains={"ethics": Gain(won=12, lost=2, items=60), "logic": Gain(won=3, lost=2, items=60)})
    assert policy.route(known(0.5, kind="ethics")).mode is Mode.ENSEMBLE
    assert policy.route(known(0.5, kind="logic")).mode is Mode.CASCADE
    assert [policy.route(known(p, kind="ethics")).mode for p in (0.9, 0.1)] == [Mode.SINGLE, Mode.SINGLE]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_gain_is_more_than_chance(won: int, lost: int, even: int) -> None:
    """Never below twenty questions, never without more wins than losses, and one more win never takes it away."""
    gain = Gain(won=won, lost=lost, items=won + lost + even)
    assert not gain.earned or (won > lost and gain.items >= 20)
    assert not gain.earned or replace(gain, won=won + 1, items=gain.items + 1).earned


@given(st.lists(st.builds(Neighbour, similarity=st.floats(-1, 1), agreed=st.floats(0, 1)), max_size=20), st.randoms())
def test_neighbours_are_weighed_by_how_near_they_are(neighbours: list[Neighbour], random: object) -> None:
    """Between the least and the most that any of the nearest says, whatever their order; None without any."""
    p = agreement(neighbours)
    if p is None:
        assert not neighbours
        return
    nearest = sorted(neighbours, key=lambda each: -each.similarity)[:15]
    assert min(each.agreed for each in nearest) - 1e-9 <= p <= max(each.agreed for each in nearest) + 1e-9
    if len({each.similarity for each in neighbours}) == len(neighbours):
        random.shuffle(neighbours)  # type: ignore[attr-defined]
        assert agreement(neighbours) == approx(p)


def test_nearer_neighbours_say_more() -> None:
    """Three quarters of the weight say yes."""
    assert agreement([Neighbour(similarity=0.9, agreed=1), Neighbour(similarity=0.3, agreed=0)]) == approx(0.75, abs=1e-5)
