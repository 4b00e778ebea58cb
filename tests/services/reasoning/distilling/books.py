"""Books of a run, written by the ledger itself: each question as one of the ways in which a pair answers it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tandem_reasoning.coordinator.job import ExpertJob, Job, LaneJob
from tandem_reasoning.ledger import Complete, Decision, Ledger, Load, Outcome
from tandem_reasoning.values import Call, CallPlace, LaneKind, Question, Usage

from tests.services.reasoning.ledger.asking import one, reserve, settle

CASCADE = "Cascade:local,cloud below=1 Vote=1"
COMPARE = "Cascade:local,cloud:compared below=1 Local=1 Vote=1 Cloud=1"
SENT = "Single:cloud below=1 Cloud=1"
LONE = "Single:local below=1 Local=1"
JOB = Job(
    run_uid="run",
    name="pair",
    lanes=(
        LaneJob(name="local", kind=LaneKind.LOCAL, urls=("http://127.0.0.1:1/v1",), model="small"),
        LaneJob(name="cloud", kind=LaneKind.CLOUD, urls=("http://127.0.0.1:2/v1",), model="large"),
    ),
    experts=(ExpertJob(name="first", role="Be first."), ExpertJob(name="second", role="Be second.")),
)


@dataclass(slots=True)
class Books:
    """Books that a test fills.

    Attributes:
        ledger: The books.
        path: Their file; `job.json` lies beside it.
    """

    ledger: Ledger
    path: Path
    _number: "count[int]"

    @classmethod
    def at(cls, folder: Path, job: Job = JOB) -> "Books":
        """New ones."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job.json").write_text(job.model_dump_json(by_alias=True))
        path = folder / "ledger.sqlite"
        return cls(ledger=Ledger(path, run="run", cap_nano=None), path=path, _number=count())

    def answered(
        self,
        question: Question,
        choice: str,
        *,
        votes: Sequence[str] = (),
        greedy: str | None = None,
        cloud: str | None = None,
        shown: bool = False,
    ) -> None:
        """One question.

        Args:
            question: What is asked.
            choice: How lanes were chosen.
            votes: What the local experts said.
            greedy: What the local lane said when it was asked once.
            cloud: What the cloud lane said.
            shown: Whether its prompts showed something that was recalled.
        """
        self.ledger.do(Load(questions=(question,)), now=0)
        hold = one(self.ledger).hold
        said = [("local", expert.name, text) for expert, text in zip(JOB.experts, votes, strict=False)]
        said += [(lane, "alone", text) for lane, text in (("local", greedy), ("cloud", cloud)) if text is not None]
        for lane, expert, text in said:
            key = f"call {next(self._number)}"
            usage = Usage(input_tokens=3, output_tokens=2)
            place = CallPlace(item=question.id, step=1, expert=expert)
            call = Call(key=key, place=place, lane=lane, answer=text, usage=usage, cost_nano=1, seconds=0.1)
            settle(self.ledger, reserve(self.ledger, hold, key, lane=lane), call)
        detail = {"lanes": {lane: {"answer": text} for lane, _, text in said}}
        if shown:
            detail["recalled"] = {"shown": True, "holdOut": 0.05, "records": [{"id": "r"}]}  # type: ignore[assignment]
        outcome = Outcome(
            answer=said[-1][2], lane=said[-1][0], decision=Decision(policy="Cascade", choice=choice), detail=json.dumps(detail)
        )
        self.ledger.do(Complete(hold=hold, outcome=outcome), now=1)


def question(name: str, answer: str | None = None, kind: str = "k") -> Question:
    """One whose text is its own."""
    return Question(id=name, text=f"what is {name}?", answer=answer, kind=kind)
