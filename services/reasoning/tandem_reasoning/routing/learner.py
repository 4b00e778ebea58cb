"""What a run has learned of its lanes so far, and so who is to be asked next: the run's policy, brought up to date by each answer.

All of it follows from the outcomes in their order, so a coordinator that is started anew learns it again from its ledger. The policies
themselves stay pure: they are told what is known, and where their lines are.
"""

from collections import Counter, deque
from dataclasses import dataclass, replace

from tandem_reasoning.routing.answered import Answered
from tandem_reasoning.routing.decision import Mode, Policy
from tandem_reasoning.routing.experience import Experience
from tandem_reasoning.routing.features import features
from tandem_reasoning.routing.gain import Gain
from tandem_reasoning.routing.known import Neighbour
from tandem_reasoning.routing.pacing import EVERY, RECENT, Predicted, afforded, due, paced
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.ensemble import Ensemble
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.population import Population
from tandem_reasoning.routing.thresholds import Learning, Thresholds
from tandem_reasoning.thinking.scatter import Scatter


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """The money of a run as its lines are drawn by it, nano-dollars.

    Attributes:
        budget_nano: All that may be spent.
        left_nano: What is neither spent nor reserved.
        answer_nano: What the cloud lane's answer costs, as far as is known.
        items: Questions of the run.
        items_left: Those that are not yet answered.
    """

    budget_nano: int
    left_nano: int
    answer_nano: int
    items: int
    items_left: int


class Learner:
    """What is learned.

    Attributes:
        policy: Who is asked, with all that was learned.
        answered: All that were answered.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = self._wanted = policy
        self.answered = 0
        self._labelled = Counter[str]()
        self._experience, self._gains = Experience(), dict[str, Gain]()
        self._population = Population()
        self._scatters = dict[tuple[str, str], Scatter]()
        self._recent: deque[Predicted] = deque(maxlen=RECENT)
        self._handed_on: deque[bool] = deque(maxlen=RECENT)
        self._lines: Thresholds | None = None
        self._learning: Learning | None = None

    def near(self, question: str) -> tuple[Neighbour, ...]:
        """Questions alike whose label is known, nearest first; none for a policy that learns nothing."""
        return tuple(self._population.nearest(features(question))) if self.learns else ()

    @property
    def labelled(self) -> int:
        """Questions that both lanes answered."""
        return self._labelled.total()

    def labelled_of(self, kind: str) -> int:
        """Those of a class."""
        return self._labelled[kind]

    def spread(self, lane: str, kind: str) -> float | None:
        """How far answers of a lane's experts to questions of a kind scatter; None as long as that is not known."""
        return self._scatters.get((lane, kind), Scatter()).spread

    def learn(self, answered: Answered, *, p: float | None, cloud_nano: int) -> None:
        """One more outcome.

        Args:
            answered: What came of a question.
            p: Chance that the lanes would agree on it, as it was before; None when nothing was known.
            cloud_nano: What the cloud lane's answer costs, nano-dollars.
        """
        self.answered += 1
        for lane, (asked, different) in answered.scatter.items():
            place = lane, answered.question.kind
            self._scatters[place] = self._scatters.get(place, Scatter()).seen(asked, different)
        if answered.agreed is not None:
            self._labelled[answered.question.kind] += 1
        if not self.learns:
            return
        self._compare(answered)
        if (handed_on := answered.handed_on) is not None:
            self._handed_on.append(handed_on)
        if p is not None:
            self._recent.append(Predicted(p=p, cloud_nano=cloud_nano, escalated=self._escalated))
        if (label := self._label(answered, p)) is not None:
            self._population.keep(features(answered.question.text), label)
        self.policy = self._updated()

    def pace(self, purse: Purse) -> None:
        """Draw the lines anew, when it is time: so that the dollars last to the end."""
        if due(self.answered, every=EVERY):
            self.draw_lines(purse)

    def draw_lines(self, purse: Purse) -> None:
        """Draw them at once, as when all was learned from the books again: what the money does not reach for is not begun."""
        if not self.learns:
            return
        if isinstance(self._wanted, Cascade | Ensemble):
            cascade = self._wanted if isinstance(self._wanted, Cascade) else self._wanted.cascade
            self._lines = paced(cascade.thresholds, tuple(self._recent), left_nano=purse.left_nano, items_left=purse.items_left)
        self._learning = afforded(
            _learning(self._wanted), budget_nano=purse.budget_nano, questions=purse.items, answer_nano=purse.answer_nano
        )
        self.policy = self._updated()

    @property
    def learns(self) -> bool:
        """Whether outcomes change what the policy says."""
        return isinstance(self._wanted, Knn | Cascade | Ensemble)

    @property
    def _escalated(self) -> float:
        """Part of the votes of late that were handed on; all, as long as there were none."""
        return sum(self._handed_on) / len(self._handed_on) if self._handed_on else 1.0

    def _compare(self, answered: Answered) -> None:
        """What votes were worth, from questions that both lanes answered whatever came."""
        decision, share, kind = answered.decision, answered.share, answered.question.kind
        if answered.agreed is None or decision is None:
            return
        if decision.compare and share is not None:
            self._experience = self._experience.seen(decision.lanes[0], kind, share, agreed=answered.agreed, alone=answered.alone)
        cloud, joined = answered.right(answered.answers.get(decision.lanes[-1])), answered.right(answered.joined)
        if cloud is not None and joined is not None and (decision.compare or decision.mode is Mode.ENSEMBLE):
            self._gains = {**self._gains, kind: self._gains.get(kind, Gain()).seen(one=joined, other=cloud)}

    def _label(self, answered: Answered, p: float | None) -> float | None:
        """Whether the lanes agree, seen or, where a vote was accepted, as likely as its share says; None where nobody knows."""
        decision, share = answered.decision, answered.share
        if answered.agreed is not None:
            return float(answered.agreed)
        if decision is None or share is None or p is None or answered.handed_on is not False:
            return None
        return self._experience.of(decision.lanes[0], answered.question.kind).agrees(p, share)

    def _updated(self) -> Policy:
        match self._wanted:
            case Knn() as knn:
                return replace(knn, learning=self._learning or knn.learning)
            case Cascade() as cascade:
                return self._cascade(cascade)
            case Ensemble() as ensemble:
                return replace(ensemble, gains=self._gains, cascade=self._cascade(ensemble.cascade))
            case other:
                return other

    def _cascade(self, wanted: Cascade) -> Cascade:
        lines, learning = self._lines or wanted.thresholds, self._learning or wanted.learning
        return replace(wanted, thresholds=lines, learning=learning, experience=self._experience)


def _learning(policy: Policy) -> Learning:
    match policy:
        case Knn() | Cascade():
            return policy.learning
        case Ensemble():
            return policy.cascade.learning
        case _:
            return Learning()
