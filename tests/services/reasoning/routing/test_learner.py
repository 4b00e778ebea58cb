"""What a run learns of its lanes from outcome to outcome, and what becomes of its policy by it."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from tandem_reasoning.routing.answered import Answered, answered
from tandem_reasoning.routing.decision import Decision, Mode, Policy
from tandem_reasoning.routing.experience import Experience
from tandem_reasoning.routing.features import features
from tandem_reasoning.routing.gain import Gain
from tandem_reasoning.routing.learner import Learner, Purse
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.ensemble import Ensemble
from tandem_reasoning.routing.policies.fixed import Local
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.population import Population
from tandem_reasoning.routing.thresholds import LEARNING
from tandem_reasoning.values import Question

LANES = ("here", "there")
COMPARED = Decision(lanes=LANES, mode=Mode.CASCADE, reason="", compare=True)
CASCADED = Decision(lanes=LANES, mode=Mode.CASCADE, reason="", p=0.5)


def outcome(
    text: str = "what is 1+1?", *, local: str = "2", cloud: str | None = "2", share: float = 1.0, decision: Decision = COMPARED, **more: str
) -> Answered:
    """What a worker keeps of an answer."""
    lanes: dict[str, object] = {"here": {"answer": local, "share": share}}
    detail: dict[str, object] = {"lanes": lanes, **more}
    if cloud is not None:
        lanes["there"] = {"answer": cloud, "share": None}
        detail["agreed"] = local == cloud
    return answered(Question(id=text, text=text, answer="2", kind=text.split(maxsplit=1)[0]), decision, json.dumps(detail))


def test_questions_alike_lie_near_each_other() -> None:
    """The same question in other case and spacing is the same; one of the same make is nearer than one of another."""
    one = features("What is 17 plus 25?")
    assert float(one @ features("what  is 17 PLUS 25?")) == pytest.approx(1.0)
    assert float(one @ features("What is 31 plus 44?")) > float(one @ features("Which city is the capital of Norway?")) + 0.2
    assert not features("   ").any()


def test_the_nearest_are_found_and_the_oldest_forgotten() -> None:
    """As sorting all of them would find them; of more than there is room for, the newest are there."""
    rng = np.random.default_rng(3)
    kept, population = [features(f"{rng.integers(1_000_000)} words {n % 7}") for n in range(300)], Population(most=200)
    for number, each in enumerate(kept):
        population.keep(each, number % 2)
    asked = features("words 3")
    found = population.nearest(asked, 15)
    assert [each.similarity for each in found] == pytest.approx(sorted((float(each @ asked) for each in kept[100:]), reverse=True)[:15])
    assert Population().nearest(asked) == ()


def test_votes_are_believed_by_the_narrowest_class_of_which_enough_is_known() -> None:
    """A lane that is right when unanimous on one class and wrong on another is believed on the one; another lane by itself."""
    seen = Experience()
    for n in range(30):
        seen = seen.seen("here", "sums", 1.0 if n % 3 else 0.5, agreed=bool(n % 3))
        seen = seen.seen("here", "odes", 1.0, agreed=n % 2 == 0)
    sums, odes = (seen.of("here", kind).accepted_from(0.5, 0.7) for kind in ("sums", "odes"))
    assert sums <= 1 < odes
    assert seen.of("here", "unheard of") == seen.lanes["here"]
    assert seen.of("elsewhere", "sums") == seen.pooled


@pytest.mark.parametrize("policy", [Local(), Cascade()])
def test_scatter_is_learned_for_each_lane_and_kind(policy: Policy) -> None:
    """Whatever the policy: where experts agree little of it, where each says something else much; of others nothing is known."""
    learner = Learner(policy)
    for n in range(40):
        lanes = {"here": {"answer": "2", "share": 1.0, "scatter": (3, 1) if n % 2 else (8, 8)}}
        kind = ("odes", "sums")[n % 2]
        learner.learn(answered(Question(id=str(n), text="?", kind=kind), None, json.dumps({"lanes": lanes})), p=None, cloud_nano=1)
    sums, odes = learner.spread("here", "sums"), learner.spread("here", "odes")
    assert sums is not None
    assert odes is not None
    assert sums < 0.1
    assert odes > 10
    assert learner.spread("here", "tales") is learner.spread("there", "sums") is None


def test_agreement_is_learned_from_questions_that_both_answered() -> None:
    """Of the same make as one that was asked: near 1 where they agreed, near 0 where they did not."""
    learner = Learner(Cascade())
    for n in range(60):
        make = "sum of" if n % 2 else "ode about"
        learner.learn(outcome(f"{make} {n}", cloud="2" if n % 2 else "3"), p=None, cloud_nano=1)
    assert learner.labelled == learner.answered == 60
    for make, agreed in (("sum of", 1.0), ("ode about", 0.0)):
        assert {each.agreed for each in learner.near(f"{make} 999")} == {agreed}
    assert learner.policy != Cascade()


def test_it_is_learned_what_one_call_loses_to_the_vote() -> None:
    """From comparisons: by class where it lost, else by lane. One that the vote had wrong, too, is no loss; no call says nothing."""
    learner = Learner(Cascade())
    for n in range(10):
        learner.learn(outcome(f"sum {n}", greedy="2." if n % 2 else "3"), p=None, cloud_nano=1)
        learner.learn(outcome(f"ode {n}", local="4", greedy="5"), p=None, cloud_nano=1)
        learner.learn(outcome(f"tale {n}"), p=None, cloud_nano=1)
    assert isinstance(learner.policy, Cascade)
    singles = {kind: learner.policy.experience.single("here", kind) for kind in ("sum", "ode", "tale")}
    of_lane = Gain(lost=5, items=20)
    assert singles == {"sum": Gain(lost=5, items=10), "ode": of_lane, "tale": of_lane}
    assert (learner.labelled, learner.labelled_of("sum"), learner.labelled_of("poem")) == (30, 10, 0)


def test_a_vote_that_was_accepted_is_a_label_as_far_as_it_is_sure() -> None:
    """Without it, what is accepted would never be learned from; one that was handed on is known."""
    learner = Learner(Cascade())
    learner.learn(outcome(cloud=None, decision=CASCADED), p=0.5, cloud_nano=1)
    (near,) = learner.near("what is 1+1?")
    assert 0 < near.agreed < 1
    assert learner.labelled == 0
    learner.learn(outcome("who is it?", cloud="3", share=0.5, decision=CASCADED), p=0.5, cloud_nano=1)
    assert learner.near("who is it?")[0].agreed == 0
    assert learner.labelled == 1


def test_an_ensemble_earns_its_classes() -> None:
    """Where the vote of both was right and the cloud lane wrong often enough; elsewhere it stays a cascade."""
    learner = Learner(Ensemble())
    for n in range(60):
        learner.learn(outcome(f"sum {n}", local="2", cloud="3" if n % 2 else "2", joined="2"), p=None, cloud_nano=1)
        learner.learn(outcome(f"ode {n}", local="2", cloud="2", joined="2"), p=None, cloud_nano=1)
    assert isinstance(learner.policy, Ensemble)
    assert {kind for kind, gain in learner.policy.gains.items() if gain.earned} == {"sum"}


def test_the_line_is_drawn_where_the_dollars_end() -> None:
    """And learning is cut down to what they allow; a run without a budget, or before it is time, keeps its lines."""
    learner, rng = Learner(Cascade()), random.Random(1)
    for n in range(25):
        learner.learn(outcome(f"what is {n}", share=0.5, decision=CASCADED), p=rng.random(), cloud_nano=100)
    purse = Purse(budget_nano=20_000, left_nano=5_000, answer_nano=100, items=1000, items_left=500)
    learner.pace(purse)
    assert isinstance(learner.policy, Cascade)
    assert learner.policy.thresholds.paid_below < 0.5
    assert learner.policy.learning.warmup == LEARNING.warmup
    assert learner.policy.learning.explore == pytest.approx(0.02)
    before = learner.policy
    learner.learn(outcome(), p=None, cloud_nano=100)
    learner.pace(replace(purse, left_nano=0))
    assert isinstance(learner.policy, Cascade)
    assert learner.policy.thresholds == before.thresholds
    learner.draw_lines(replace(purse, left_nano=0))
    assert isinstance(learner.policy, Cascade)
    assert learner.policy.thresholds.paid_below < before.thresholds.paid_below


def test_what_needs_no_learning_learns_nothing() -> None:
    """A fixed policy stays as it is, and no question is looked at; nearest neighbours alone are paced, too."""
    learner = Learner(Local())
    learner.learn(outcome(), p=None, cloud_nano=1)
    assert (learner.policy, learner.near("what is 1+1?"), learner.labelled) == (Local(), (), 1)
    knn = Learner(Knn())
    for n in range(25):
        knn.learn(outcome(f"what is {n}"), p=None, cloud_nano=1)
    knn.pace(Purse(budget_nano=10, left_nano=5, answer_nano=1, items=100, items_left=75))
    assert isinstance(knn.policy, Knn)
    assert knn.policy.learning.warmup == 2


def test_what_was_not_asked_is_not_known() -> None:
    """Of a single call there is no share; without a label nobody is right; without a decision nothing was handed on."""
    bare = answered(Question(id="q", text="q"), None, "{}")
    assert (bare.share, bare.handed_on, bare.right("2"), bare.agreed) == (None, None, None, None)
    told = outcome(decision=CASCADED)
    assert (told.share, told.handed_on, told.right("2."), told.right("3"), told.right(None)) == (1.0, False, True, False, None)
