"""Questions in classes, and two lanes with the skills that were measured on small models trained for them.

The local lane knows three of six classes, the cloud lane all of them fairly well. What every arm would answer is drawn once for each
question, so that any policy can be judged by the truth. Votes err as measured: unanimous ones are right three times in four, others
seldom.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from tandem_reasoning.routing.decision import Arm, Decision, Mode, Policy
from tandem_reasoning.routing.draws import uniform
from tandem_reasoning.routing.experience import Experience
from tandem_reasoning.routing.known import Known, Labels, LaneView, Neighbour
from tandem_reasoning.routing.pacing import Predicted, afforded, due, paced
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.replay.log import Logged, Outcome, logged, wanted
from tandem_reasoning.routing.thresholds import LINES
from tandem_reasoning.values import LaneKind

SKILLS = {  # class: local, cloud; the distilled local model and the cloud model of the measurement
    "fact": (1.00, 0.99),
    "reverse": (0.91, 0.92),
    "shift": (0.89, 0.98),
    "sort": (0.00, 0.89),
    "add": (0.00, 0.83),
    "memory": (0.11, 0.75),
}
EXPERTS = 8
CLOUD_NANO = 1000
LANES = (
    LaneView(name="here", kind=LaneKind.LOCAL),
    LaneView(name="there", kind=LaneKind.CLOUD, answer_nano=CLOUD_NANO),
)
_SURE = 0.97  # of a sample when the lane knows the answer: all eight agree in 78 % of questions
_STUBBORN = 0.84  # of a sample giving the same wrong answer when it does not: all eight agree in 25 %
_DIMENSION = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A question: its class, where it lies among others, and what each arm would answer; "right" is the right answer."""

    id: str
    kind: str
    vector: np.ndarray
    local: str
    votes: tuple[str, ...]
    cloud: str

    @property
    def vote(self) -> tuple[str, float]:
        """The local experts' answer and its share."""
        answer, count = Counter(self.votes).most_common(1)[0]
        return answer, count / len(self.votes)

    def outcomes(self) -> dict[Arm, Outcome]:
        """What each arm is worth."""
        return {
            Arm.LOCAL: Outcome(float(self.local == "right"), 0),
            Arm.VOTE: Outcome(float(self.vote[0] == "right"), 0),
            Arm.CLOUD: Outcome(float(self.cloud == "right"), CLOUD_NANO),
        }


def population(items: int, *, seed: int = 0, blur: float = 0.35) -> list[Asked]:
    """Questions of all classes in turn by lot.

    Args:
        items: How many.
        seed: Of all draws.
        blur: How far a question lies from the middle of its class, in distances between the middles.
    """
    generator = np.random.default_rng(seed)
    middles = dict(zip(SKILLS, generator.normal(size=(len(SKILLS), _DIMENSION)), strict=True))
    return [_drawn(str(place), generator, middles, blur) for place in range(items)]


def _drawn(name: str, generator: np.random.Generator, middles: dict[str, np.ndarray], blur: float) -> Asked:
    kind = str(generator.choice(list(SKILLS)))
    local, cloud = SKILLS[kind]
    vector = middles[kind] + blur * np.sqrt(2) * generator.normal(size=_DIMENSION)
    knows = generator.random() < local
    usual, often = ("right", _SURE) if knows else ("wrong", _STUBBORN)
    votes = tuple(usual if generator.random() < often else f"stray {generator.integers(4)}" for _ in range(EXPERTS))
    answer = "right" if generator.random() < cloud else f"cloud {generator.integers(4)}"
    return Asked(id=name, kind=kind, vector=vector / np.linalg.norm(vector), local=usual, votes=votes, cloud=answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of a run: accuracy, cost as part of all-cloud, and its log."""

    accuracy: float
    cost_part: float
    log: list[Logged]


def answered(questions: list[Asked], policy: Policy, *, uid: str = "run", budget_nano: int | None = None) -> Run:
    """A run of `policy` over the questions in order, as a coordinator would lead it.

    Args:
        questions: What is asked.
        policy: Who decides; a cascade is told what votes were worth so far, and is paced when there is a budget.
        uid: Of the run; another one has other draws.
        budget_nano: Dollars for all of it, nano-dollars; None without a limit.
    """
    memory, log, recent = _Memory(questions), list[Logged](), list[Predicted]()
    right, spent = 0.0, 0
    if budget_nano is not None and isinstance(policy, Cascade):
        learning = afforded(policy.learning, budget_nano=budget_nano, questions=len(questions), answer_nano=CLOUD_NANO)
        policy = replace(policy, learning=learning)
    for place, question in enumerate(questions):
        left = None if budget_nano is None else budget_nano - spent
        if isinstance(policy, Cascade):
            lines = policy.thresholds
            if left is not None and due(place):
                lines = paced(LINES, recent, left_nano=left, items_left=len(questions) - place)
            policy = replace(policy, experience=memory.experience, thresholds=lines)
        known = memory.known(question, draw=uniform(uid, question.id, "route"), left_nano=left)
        decision = policy.route(known)
        row = _logged(known, decision, question)
        arms = wanted(decision, row)
        assert arms is not None
        outcomes = question.outcomes()
        right, spent = right + outcomes[arms[-1]].worth, spent + sum(outcomes[arm].cost_nano for arm in arms)
        log.append(row)
        if decision.p is not None:
            recent.append(Predicted(p=decision.p, cloud_nano=CLOUD_NANO, escalated=0.5))
        memory.learn(question, decision, both=Arm.VOTE in arms and Arm.CLOUD in arms)
    return Run(accuracy=right / len(questions), cost_part=spent / CLOUD_NANO / len(questions), log=log)


class _Memory:
    """Questions that have a label, and what votes were worth."""

    def __init__(self, questions: Sequence[Asked]) -> None:
        most, dimension = len(questions), len(questions[0].vector)
        self._vectors, self._labels, self._count = np.empty((most, dimension)), np.empty(most), 0
        self._kinds = tuple(Counter(each.kind for each in questions).values())
        self._labelled = Counter[str]()
        self.experience = Experience()

    def known(self, question: Asked, *, draw: float, left_nano: int | None) -> Known:
        """The fifteen nearest, and how the run stands."""
        near = self._vectors[: self._count] @ question.vector
        nearest = np.argsort(-near)[:15]
        neighbours = [Neighbour(similarity=float(near[place]), agreed=float(self._labels[place])) for place in nearest]
        return Known(
            lanes=LANES,
            draw=draw,
            neighbours=neighbours,
            labels=Labels(there=self._labelled.total()),
            kind=question.kind,
            labels_of_kind=Labels(there=self._labelled[question.kind]),
            kinds=self._kinds,
            left_nano=left_nano,
        )

    def learn(self, question: Asked, decision: Decision, *, both: bool) -> None:
        """Whether the lanes agreed where both were asked; how likely they do where a vote was accepted."""
        answer, share = question.vote
        if both:
            self._labelled[question.kind] += 1
            self._keep(question, float(answer == question.cloud))
            if decision.compare:
                self.experience = self.experience.seen(
                    decision.lanes[0], question.kind, share, agreed=answer == question.cloud, alone=question.local == question.cloud
                )
        elif decision.mode is Mode.CASCADE and decision.p is not None:
            self._keep(question, self.experience.of(decision.lanes[0], question.kind).agrees(decision.p, share))

    def _keep(self, question: Asked, label: float) -> None:
        self._vectors[self._count], self._labels[self._count] = question.vector, label
        self._count += 1


def whole(known: Known, question: Asked) -> Logged:
    """A question of which everything was seen for certain: what the truth is read from."""
    return Logged(known=known, seen=question.outcomes(), chances=dict.fromkeys(Arm, 1.0), share=question.vote[1])


def _logged(known: Known, decision: Decision, question: Asked) -> Logged:
    """The log of what the decision made visible, and of nothing else."""
    outcomes, share = question.outcomes(), question.vote[1]
    everything = logged(known, decision, outcomes, share=share)
    if decision.compare:
        return everything
    voted = decision.mode is not Mode.SINGLE
    arms = wanted(decision, everything) or ()
    seen = {arm: outcomes[arm] for arm in arms if arm in outcomes}
    return logged(known, decision, seen, share=share if voted else None)
