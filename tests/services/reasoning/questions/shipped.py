"""`python -m tests.services.reasoning.questions.shipped`: write the question sets whose answers are known: what small models learn.

`checkable.jsonl` asks in plain words, kind after kind; `hard.jsonl` in others, kinds mixed, half of the questions with a word of another
kind. Both are drawn from seeds and words that training never sees. What a `memory` question takes for granted stands in its field
`memory`, as pairs of a question and its answer: a run answers it only if it finds them in the shared memory.
"""

import json
import random
from pathlib import Path

from tests.parts.llm_models.tasks import KINDS, Task, task

FOLDER = Path(__file__).parents[4] / "manifests" / "examples" / "questions"
EACH = 40
"""Questions of each kind."""


def checkable() -> str:
    """The plain set, as it is shipped."""
    return "".join(_line(number, each) for kind in KINDS for number, each in enumerate(drawn(kind, hard=False), start=1))


def hard() -> str:
    """The hard set, as it is shipped."""
    found = [_line(number, each) for kind in KINDS for number, each in enumerate(drawn(kind, hard=True), start=1)]
    random.Random("hard").shuffle(found)
    return "".join(found)


def drawn(kind: str, *, hard: bool) -> list[Task]:
    """Different questions of a kind."""
    rng = random.Random(f"{'hard' if hard else 'checkable'} {kind}")
    found: dict[str, Task] = {}
    while len(found) < EACH:
        each = task(rng, kind, hard=hard, held_out=True)
        found.setdefault(each.question, each)
    return list(found.values())


def _line(number: int, each: Task) -> str:
    told: dict[str, object] = {"id": f"{each.kind}-{number:02}", "kind": each.kind, "question": each.question, "answer": each.answer}
    return json.dumps(told | ({"memory": each.memory} if each.memory else {})) + "\n"


if __name__ == "__main__":
    (FOLDER / "checkable.jsonl").write_text(checkable())
    (FOLDER / "hard.jsonl").write_text(hard())
