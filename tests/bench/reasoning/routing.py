"""What routing and adaptive voting are worth on two real models: `python -m tests.bench.reasoning.routing`.

Both models answer the shipped question sets once, in whole runs: one greedy call of each, and a vote of eight experts of the local one.
Then the policies themselves decide, question by question, who would have been asked, with neighbours by the memory's own embedding and
labels that are nothing but whether both lanes agreed; warm-up and exploration are paid for. The means of ten orders of the
questions count. `answerable` leaves out those about strangers, which nobody can know without a memory. `adaptive_fewer_calls` is beside
asking each of eight experts.

One JSON line each: {metric, value, unit, asked, set, ...}. `over_random` is accuracy above a coin that costs as much.

The models are tiny and their kinds of questions easy to tell apart: this shows that the mechanics work, not what a large model saves.
"""

import os
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TypeVar

from tandem_memory.embedding import Ngrams
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Reader
from tandem_reasoning.questions.reading import questions
from tandem_reasoning.routing.decision import Arm, Policy
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.replay.curve import Curve, Point
from tandem_reasoning.thinking import scatter
from tandem_reasoning.thinking.answers import keyed, right
from tandem_reasoning.thinking.scatter import Scatter
from tandem_reasoning.thinking.vote import Enough, plurality, wanted
from tandem_reasoning.values import Call, Question

from tests.bench.memory.line import say
from tests.bench.reasoning.processes import ran
from tests.bench.reasoning.servers import PRICE, ROLES, llama_cpp
from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.routing.population import CLOUD_NANO, Asked, answered

SETS = ("checkable", "hard")
QUESTIONS = Path(__file__).parents[3] / "manifests" / "examples" / "questions"
POLICIES: Mapping[str, Policy] = {"cascade": Cascade(), "knn": Knn()}
ORDERS = 10
_T = TypeVar("_T")
ACCURACY_ASKED, COST_ASKED, OVER_RANDOM_ASKED = 0.95, 0.60, 0.15
FEWER_ASKED, LOSS_ASKED = 2.0, 0.005
MARGIN, LEAST = 2, 2  # a run's own
TOLERANCES = (0.002, scatter.TOLERANCE, 0.01)
RULES: Mapping[str, float | None] = {"two ahead": None, **{f"gain {tolerance}": tolerance for tolerance in TOLERANCES}}
"""When a vote is settled: by its lead, or by what the rest could gain; the one in the middle is a run's own."""
RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What both lanes say to a question: the local lane once, its eight experts, and the cloud lane once."""

    question: Question
    local: str
    votes: tuple[str, ...]
    cloud: str

    def known(self, vector: object) -> Asked:
        """As routing is judged by it: right answers all alike."""
        said = [self._plain(each) for each in (self.local, self.cloud, *self.votes)]
        return Asked(id=self.question.id, kind=self.question.kind, vector=vector, local=said[0], votes=tuple(said[2:]), cloud=said[1])  # type: ignore[arg-type]

    def _plain(self, reply: str) -> str:
        assert self.question.answer is not None
        return RIGHT if right(reply, self.question.answer) else keyed([reply])[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Votes:
    """What the experts of the local lane say to a question, in plain form, and which are right; all whose votes could still matter."""

    kind: str
    said: tuple[str, ...]
    rights: tuple[bool, ...]

    @classmethod
    def of(cls, answers: Answers) -> "Votes":
        """The same."""
        question = answers.question
        assert question.answer is not None
        rights = tuple(right(each, question.answer) for each in answers.votes)
        return cls(kind=question.kind, said=tuple(keyed(answers.votes)), rights=rights)

    def right(self, count: int) -> bool:
        """Whether the vote of the first so many is."""
        return self.rights[plurality(self.said[:count]).voter]


def main() -> None:
    """Ask both models, then measure."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        llama_cpp("local", Path(temporary)) as local,
        llama_cpp("cloud", Path(temporary)) as cloud,
    ):
        for name in SETS:
            found = _asked(Path(temporary) / name, local, cloud, list(questions(str(QUESTIONS / f"{name}.jsonl"), {})))
            _tell_routing(name, found)
            _tell_routing(f"{name} answerable", [each for each in found if each.question.kind != "memory"])
            _tell_adaptive(name, found)


def _asked(folder: Path, local: LanguageServer, cloud: LanguageServer, asked: Sequence[Question]) -> list[Answers]:
    """Three runs over the same questions."""
    folder.mkdir()

    def replies(name: str, routing: Mapping[str, object]) -> dict[str, list[Call]]:
        run = ran(folder / name, _job(local, cloud, routing), asked)
        assert run.status.done == len(asked), run.status
        reader = Reader(run.ledger)
        try:
            return {question.id: sorted(reader.calls_of(question.id), key=_place) for question in asked}
        finally:
            reader.close()

    once, votes = replies("once", {"policy": "Local", "single": True}), replies("votes", {"policy": "Local"})
    paid = replies("cloud", {"policy": "Cloud"})
    return [
        Answers(
            question=question,
            local=once[question.id][0].answer,
            votes=tuple(call.answer for call in votes[question.id]),
            cloud=paid[question.id][0].answer,
        )
        for question in asked
    ]


def _place(call: Call) -> int:
    """The expert's place among all; a single call has none."""
    names = [each["name"] for each in ROLES]
    return names.index(call.place.expert) if call.place.expert in names else 0


def _job(local: LanguageServer, cloud: LanguageServer, routing: Mapping[str, object]) -> Job:
    lanes = [
        {"name": "local", "kind": "Local", "urls": [local.url], "model": local.model, "maxInFlight": 16},
        {"name": "cloud", "kind": "Cloud", "urls": [cloud.url], "model": cloud.model, "maxInFlight": 16, **PRICE},
    ]
    thinking = {"bare": True, "maxTokens": 16, "maxSteps": 1, "adaptive": False}
    told = {
        "runUid": "routing",
        "name": "routing",
        "lanes": lanes,
        "experts": ROLES,
        "thinking": thinking,
        "routing": routing,
        "probe": False,
    }
    return Job.model_validate(told)


def _tell_routing(name: str, found: Sequence[Answers]) -> None:
    """Each policy between both lanes."""
    vectors = Ngrams().vectors([each.question.text for each in found])
    asked = [each.known(vector) for each, vector in zip(found, vectors, strict=True)]
    local, vote, cloud = (mean(each.outcomes()[arm].worth for each in asked) for arm in (Arm.LOCAL, Arm.VOTE, Arm.CLOUD))
    say("routing_lanes", cloud, "accuracy", set=name, local_once=local, local_vote=vote, questions=len(asked))
    for policy, rule in POLICIES.items():
        runs = [answered(_shuffled(asked, order), rule, uid=f"order {order}") for order in range(ORDERS)]
        accuracy, cost = mean(run.accuracy for run in runs), mean(run.cost_part for run in runs)
        curve = Curve(local=Point("", 0, max(local, vote)), cloud=Point("", CLOUD_NANO, cloud), points=())
        over = curve.over_random(Point("", cost * CLOUD_NANO, accuracy))
        say("routing_accuracy", accuracy / cloud, "of all-cloud", asked=ACCURACY_ASKED, set=name, policy=policy)
        say("routing_cost", cost, "of all-cloud", asked=COST_ASKED, set=name, policy=policy)
        say("routing_over_random", over, "accuracy", asked=OVER_RANDOM_ASKED, set=name, policy=policy)


def _tell_adaptive(name: str, found: Sequence[Answers]) -> None:
    """Asking no more experts than settle the vote, beside asking all eight: the same replies, so that nothing but the rule differs."""
    votes = [Votes.of(each) for each in found]
    whole = mean(each.right(len(each.said)) for each in votes)
    for rule, tolerance in RULES.items():
        runs = [_adaptive(_shuffled(votes, order), tolerance) for order in range(ORDERS)]
        calls, accuracy = mean(calls for calls, _ in runs), mean(accuracy for _, accuracy in runs)
        say("adaptive_fewer_calls", len(ROLES) / calls, "times", asked=FEWER_ASKED, set=name, rule=rule)
        say("adaptive_loss", whole - accuracy, "accuracy", asked=LOSS_ASKED, set=name, rule=rule, all_experts=whole)


def _adaptive(found: Sequence[Votes], tolerance: float | None) -> tuple[float, float]:
    """Calls a question, and accuracy, of a run that learns from each question how far answers to its kind scatter."""
    scatters, calls, hits = dict[str, Scatter](), list[int](), list[bool]()
    for each in found:
        known = scatters.get(each.kind, Scatter())
        enough = Enough(margin=MARGIN)
        if tolerance is not None and known.spread is not None:
            enough = Enough(margin=MARGIN, least=LEAST, spread=known.spread, tolerance=tolerance)
        asked = 0
        while n := wanted(each.said[:asked], experts=len(ROLES), enough=enough):
            asked += n
        scatters[each.kind] = known.seen(asked, len({*each.said[:asked]}))
        calls.append(asked)
        hits.append(each.right(asked))
    return mean(calls), mean(hits)


def _shuffled(asked: Sequence[_T], order: int) -> list[_T]:
    shuffled = list(asked)
    random.Random(order).shuffle(shuffled)
    return shuffled


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
