"""What one round of distillation is worth on two real models: `python -m tests.bench.reasoning.distilling [FOLDER]`.

All by the command line. A pair with the Cascade policy answers 2,350 questions, whose words are none of those that count later. `tandem
distill` teaches its local model what the cloud lane had to answer, and promotes it, or not. Then the questions of the example pair are
answered three times: by the cloud lane alone, by the pair as it was, and by the pair with the taught model. Warm-up and exploration of
the cascade are paid for in both. FOLDER keeps the runs, and a second start goes on with them.

One JSON line each: {metric, value, unit, asked, ...}. `distilling_cost` is the pair's with the taught model, as a part of what the
cloud lane alone costs; `distilling_accuracy` how much more of the questions it has right than the pair before. `distilling_canary` is
what the verdict rests on, by class, with its 95 % interval: of 60 names 11 are kept back, and 11 questions prove little. So all names
and sums there are and 180 words of each other kind are answered with both models: by the pair (`distilling_class`), and by the local lane
alone (`distilling_local_class`). Most of the names and sums were rehearsed by then, as they would be for anybody who asks the same again.

The models are tiny and their kinds of questions easy to tell apart: this shows that the mechanics work, not what a large model saves.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tandem_reasoning.ledger import Review
from tandem_reasoning.report.line import line

from tests.bench.memory.line import say
from tests.parts.llm_models.keeping import FOLDER as MODELS
from tests.parts.llm_models.tasks import Task, task

EXAMPLES = MODELS.parent
KINDS = {"fact": 60, "add": 100, "reverse": 700, "shift": 700, "sort": 700, "memory": 90}  # all sums and nearly all names that there are
WIDE = {"fact": 63, "add": 100, "reverse": 180, "shift": 180, "sort": 180}  # all names and sums; words that were in no stream
COST_ASKED, ACCURACY_ASKED, LOSS_ASKED = 0.45, 0.0, 0.02
LEAST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a run came to: mean cost of a question in nano-dollars, part of them right, the same by kind."""

    cost_nano: float
    right: float
    kinds: Mapping[str, float]


class Desk:
    """A person's place: run files, and the runs of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, folder / "state" / "runs"
        folder.mkdir(parents=True, exist_ok=True)

    def tandem(self, *words: str) -> int:
        """The exit code of a command, which may say what it likes."""
        environ = {**os.environ, "TANDEM_STATE": str(self.folder / "state"), "TANDEM_CACHE": str(self.folder / "cache")}
        command = [str(Path(sys.executable).with_name("tandem")), *words]
        with (self.folder / "log").open("ab") as log:
            return subprocess.run(command, env=environ, stdout=log, stderr=log, check=False).returncode

    def pair(self, name: str, questions: Path, *, policy: str = "Cascade", model: Path = MODELS / "local") -> Path:
        """The run file of the example pair with other questions, another policy, another local model."""
        told: dict[str, Any] = yaml.safe_load((EXAMPLES / "pair.yaml").read_text())
        local, cloud = told["spec"]["lanes"]
        local["engine"]["model"], cloud["engine"]["model"] = str(model), str(MODELS / "cloud")
        told["metadata"]["name"] = name
        told["spec"] |= {"questions": {"source": str(questions)}, "routing": {"policy": policy}, "budget": {}}
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(told))
        return path

    def came(self, name: str, questions: Path, **pair: Any) -> Came:
        """What a whole run comes to."""
        code = self.tandem("run", "--plain", str(self.pair(name, questions, **pair)))
        assert code == 0, f"{name} ended with {code}; see {self.folder / 'log'}"
        with closing(Review(self.runs / name / "ledger.sqlite")) as review:
            spent = review.sums.lanes["cloud"]
            lines = [line(each) for each in review.questions()]
        by_kind: dict[str, list[bool]] = {}
        for each in lines:
            by_kind.setdefault(each.of.question.kind, []).append(each.right is True)
        kinds = {kind: sum(rights) / len(rights) for kind, rights in by_kind.items()}
        cost_nano = (spent.spent_nano - spent.charged_nano) / len(lines)
        return Came(cost_nano=cost_nano, right=sum(each.right is True for each in lines) / len(lines), kinds=kinds)


def main(folder: Path) -> None:
    """Teach, then measure."""
    desk, asked = Desk(folder), EXAMPLES / "questions" / "checkable.jsonl"
    stream = folder / "stream.jsonl"
    stream.write_text("".join(f"{json.dumps(each)}\n" for each in _lines(KINDS, held_out=False)))
    first = desk.came("stream", stream)
    say("distilling_stream", first.right, "accuracy", questions=sum(KINDS.values()), **first.kinds)
    code = desk.tandem("distill", "stream", "--plain", "--min-samples", str(LEAST), "--save", str(folder / "taught"))
    verdict = _verdict(desk)
    say("distilling_promoted", float(code == 0), "promoted", asked=1.0, reasons="; ".join(verdict["reasons"]))
    for each in verdict["slices"]:
        low, high = each["gainBetween"]
        say("distilling_canary", each["gain"], "more right", low=low, high=high, kind=each["name"], questions=each["questions"])
    if code == 0:
        _tell(desk, asked, folder / "taught")
        _tell_classes(desk, folder / "taught")


def _tell(desk: Desk, asked: Path, taught: Path) -> None:
    """The pair before and after, beside the cloud lane alone."""
    cloud = desk.came("cloud", asked, policy="Cloud")
    before, after = desk.came("before", asked), desk.came("after", asked, model=taught)
    for name, each in (("cloud", cloud), ("before", before), ("after", after)):
        say(f"distilling_{name}", each.right, "accuracy", cost=each.cost_nano / cloud.cost_nano, **each.kinds)
    say("distilling_cost", after.cost_nano / cloud.cost_nano, "of all-cloud", asked=COST_ASKED, before=before.cost_nano / cloud.cost_nano)
    say("distilling_accuracy", after.right - before.right, "more right", asked=ACCURACY_ASKED)


def _tell_classes(desk: Desk, taught: Path) -> None:
    """The pair before and after, and the local lane alone, on more questions of each class than judged it."""
    wide = desk.folder / "wide.jsonl"
    wide.write_text("".join(f"{json.dumps(each)}\n" for each in _lines(WIDE, held_out=True)))
    for metric, policy, asked in (("distilling_class", "Cascade", -LOSS_ASKED), ("distilling_local_class", "Local", None)):
        before = desk.came(f"wide-before-{policy.lower()}", wide, policy=policy)
        after = desk.came(f"wide-after-{policy.lower()}", wide, policy=policy, model=taught)
        for kind, right in after.kinds.items():
            gain = right - before.kinds[kind]
            say(metric, gain, "more right", asked=asked, kind=kind, questions=WIDE[kind], before=before.kinds[kind])


def _lines(kinds: Mapping[str, int], *, held_out: bool) -> Iterator[Mapping[str, str]]:
    """Different questions of kinds, in no order; words are all shown to the models that teach and learn here, or all not."""
    rng, there = random.Random(7), dict[str, Task]()
    for kind, count in kinds.items():
        wanted = len(there) + count
        while len(there) < wanted:
            drawn = task(rng, kind, held_out=held_out)
            there.setdefault(drawn.question, drawn)
    drawn = list(there.values())
    rng.shuffle(drawn)
    for number, each in enumerate(drawn):
        yield {"id": f"{each.kind}-{number}", "kind": each.kind, "question": each.question, "answer": each.answer}


def _verdict(desk: Desk) -> Mapping[str, Any]:
    (path,) = (desk.runs / "stream" / "distilling").glob("*/verdict.json")
    return json.loads(path.read_text())


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]).resolve())
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
