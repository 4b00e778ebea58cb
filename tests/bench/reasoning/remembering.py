"""What a shared memory is worth to two real models behind real servers, on questions that nobody can answer without it.

Somebody else's records are in the memory before the runs: the right answer to each question about a stranger, and a fifth of all records
poisoned, wrong answers to questions that have a right one too. Half of the poison has nobody who vouches for it, half was agreed on
wrongly. Three runs ask the same questions of both lanes, in turn by a coin, one greedy call each:

    without     no memory
    selective   recalls what somebody vouches for and what did no harm
    keep-all    recalls whatever is nearest

What memory gains, and what it does to questions that need none, is told of the first run with it. A second run of the same questions
then tells selective from keep-all: the memory has heard by then, from labels, what its records were good for. Small models show
how the parts work together, and not how much a large model would gain.

    python -m tests.bench.reasoning.remembering [strangers]
"""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from tandem_memory.client import Memory, Record, Verified
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Item, Ledger
from tandem_reasoning.thinking import answers
from tandem_reasoning.values import Question

from tests.parts.llm_models.keeping import FOLDER
from tests.parts.llm_models.tasks import SCHOOLS, task
from tests.parts.llm_servers import transformers_serve
from tests.parts.llm_servers.server import LanguageServer
from tests.services.memory.process import Service
from tests.services.reasoning.coordination import coordinating, work

STRANGERS = 160
POISONED = 0.2  # of the records
OTHERS = ("fact", "reverse", "add", "shift", "sort")
FLOOR_GAIN = 0.40
FLOOR_ELSEWHERE = -0.005
FLOOR_SELECTIVE = 0.05
SEED = 9


def main(strangers: int) -> None:
    asked = [*about_strangers(strangers), *others(strangers)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            name: stack.enter_context(transformers_serve.serving(FOLDER / name, folder / f"{name}-server")) for name in ("local", "cloud")
        }
        memory = stack.enter_context(serving(folder / "memory"))
        for namespace in ("selective", "keep-all"):
            with Memory(memory.address, namespace) as client:
                client.append(left_by_others([each for each in asked if each.kind == "memory"]))

        def run(name: str, uid: str, **more: Any) -> Sequence[Item]:
            (folder / name).mkdir()
            keeping = "All" if name.startswith("keep-all") else "Vouched"
            return answered(folder / name, job(servers, uid, keeping), asked, **more)

        def twice(namespace: str) -> tuple[Sequence[Item], Sequence[Item]]:
            settings = {"memory": memory.address, "memory_namespace": namespace}
            return run(namespace, "first", **settings), run(f"{namespace}-again", "second", **settings)

        without = run("without", "first")  # the same uid: each question goes to the same lane in all first runs
        (selective, selective_again), (keep_all, keep_all_again) = twice("selective"), twice("keep-all")
    needed, bare = ("memory",), {kinds: right(without, kinds) for kinds in (("memory",), OTHERS)}
    say("memory_gain", right(selective, needed) - bare[needed], floor=FLOOR_GAIN, without=bare[needed])
    say("memory_elsewhere", right(selective, OTHERS) - bare[OTHERS], floor=FLOOR_ELSEWHERE, without=bare[OTHERS])
    first = right(selective, needed) - right(keep_all, needed)
    again = right(selective_again, needed) - right(keep_all_again, needed)
    say("memory_selective_over_keep_all", again, floor=FLOOR_SELECTIVE, keep_all=right(keep_all_again, needed), first_run=first)


def about_strangers(count: int) -> list[Question]:
    """So many questions that nobody can know the answer to, each about somebody else."""
    rng, found = random.Random(SEED), dict[str, str]()
    while len(found) < count:
        drawn = task(rng, "memory")
        found.setdefault(drawn.question, drawn.answer)
    return [Question(id=f"stranger-{n}", text=text, answer=answer, kind="memory") for n, (text, answer) in enumerate(found.items())]


def others(count: int) -> list[Question]:
    """Questions of the other kinds, about words that no training has shown."""
    rng = random.Random(SEED)
    tasks = [task(rng, OTHERS[number % len(OTHERS)], held_out=True) for number in range(count)]
    return [Question(id=f"other-{n}", text=each.question, answer=each.answer, kind=each.kind) for n, each in enumerate(tasks)]


def left_by_others(asked: Sequence[Question]) -> list[Record]:
    """What is in the memory before: a right record of each question, and poison, in a random order."""
    rng = random.Random(SEED)
    true = [_left(each, str(each.answer), agreed=True) for each in asked]
    poisoned = rng.sample(asked, round(len(asked) * POISONED / (1 - POISONED)))
    lies = [_left(each, _wrong(rng, each), agreed=number % 2 == 0) for number, each in enumerate(poisoned)]
    both = true + lies
    rng.shuffle(both)
    return both


def _left(question: Question, answer: str, *, agreed: bool) -> Record:
    verified, agreement = (Verified.AGREEMENT, 1.0) if agreed else (Verified.NONE, 0.5)
    return Record(question=question.text, answer=answer, source="elsewhere", verified=verified, agreement=agreement)


def _wrong(rng: random.Random, question: Question) -> str:
    return rng.choice([each for each in SCHOOLS if each != question.answer])


def job(servers: dict[str, LanguageServer], uid: str, keeping: str) -> Job:
    """A run of both lanes; its uid says which of them a question goes to, and which are held out."""
    kinds = {"local": "Local", "cloud": "Cloud"}
    lanes = [{"name": lane, "kind": kinds[lane], "urls": [server.url], "model": server.model} for lane, server in servers.items()]
    return Job.model_validate(
        {
            "runUid": uid,
            "name": uid,
            "lanes": lanes,
            "experts": [{"name": "reasoning", "role": "Think."}],
            "thinking": {"maxTokens": 16},
            "routing": {"policy": "Random", "cloudShare": 0.5},
            "memory": {"keeping": keeping, "waitSeconds": 10},  # the machine is busy with the models themselves
        }
    )


def answered(folder: Path, given: Job, asked: Sequence[Question], **settings: Any) -> Sequence[Item]:
    """All items, once two workers are done."""

    async def deed() -> None:
        async with coordinating(folder, given, asked, **settings) as coordinator:
            await asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
            assert coordinator.status.done == len(asked)

    asyncio.run(deed())
    with closing(Ledger(folder / "ledger.sqlite", run=given.run_uid, cap_nano=None)) as ledger, closing(ledger.reader()) as reader:
        return reader.items(0, len(asked))


def right(found: Sequence[Item], kinds: Sequence[str]) -> float:
    """Share of right answers among questions of some kinds."""
    known = [each for each in found if each.question.kind in kinds]
    return sum(each.outcome is not None and answers.right(each.outcome.answer, each.question.answer or "") for each in known) / len(known)


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """A memory service."""
    service = Service(folder)
    service.start()
    try:
        yield service
    finally:
        service.kill()


def say(metric: str, value: float, *, floor: float, **beside: float) -> None:
    told = {name: round(each, 4) for name, each in {"value": value, **beside}.items()}
    print(json.dumps({"metric": metric, **told, "unit": "share of right answers", "floor": floor}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STRANGERS)
