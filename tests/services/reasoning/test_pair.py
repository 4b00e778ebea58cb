"""Two real language models answer one question set in tandem: what one cannot do, the other is asked for."""

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Item
from tandem_reasoning.thinking import answers
from tandem_reasoning.values import Question

from tests.parts.llm_models.tasks import task
from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.coordination import UID, coordinating, items, work

pytestmark = pytest.mark.slow
KINDS = ("fact", "reverse", "add", "shift", "sort")
ROLES = ("Read it well.", "Look at each point.", "Think of what you know.", "Go step by step.", "Doubt the first idea.", "Be brief.")
ALONE, TOGETHER = 40, 120  # questions; of the latter both lanes answer the first 40, from which the cascade learns
PATIENCE_S = 600


def pair(local: LanguageServer, cloud: LanguageServer, policy: str, *, bare: bool) -> Job:
    """A run of both, in which the cloud's tokens cost what a small model's do."""
    experts = [{"name": f"expert-{number}", "role": role} for number, role in enumerate(ROLES)]
    lanes = [
        {"name": "local", "kind": "Local", "urls": [local.url], "model": local.model, "maxInFlight": 8},
        {
            "name": "cloud",
            "kind": "Cloud",
            "urls": [cloud.url],
            "model": cloud.model,
            "usdPerMillionInputTokens": "0.03",
            "usdPerMillionOutputTokens": "0.14",
        },
    ]
    thinking = {"bare": bare, "maxTokens": 16, "maxSteps": 1}
    return Job.model_validate(
        {"runUid": UID, "name": "pair", "lanes": lanes, "experts": experts, "thinking": thinking, "routing": {"policy": policy}}
    )


def asked(count: int) -> list[Question]:
    """Questions of five kinds, about words that no training has shown."""
    rng = random.Random(5)
    tasks = [task(rng, KINDS[number % len(KINDS)], held_out=True) for number in range(count)]
    return [Question(id=f"q{n}", text=each.question, answer=each.answer, kind=each.kind) for n, each in enumerate(tasks)]


def answered(folder: Path, job: Job, questions: Sequence[Question]) -> Sequence[Item]:
    """All items, once two workers are done."""
    folder.mkdir()

    async def deed() -> None:
        async with coordinating(folder, job, questions) as coordinator:
            await asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
            assert coordinator.status.done == len(questions)

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    return items(folder / "ledger.sqlite")


def accuracy(found: Sequence[Item]) -> float:
    """Part of the questions that were answered rightly."""
    right = [answers.right(item.outcome.answer, item.question.answer) for item in found if item.outcome and item.question.answer]
    return sum(right) / len(found)


@pytest.mark.parametrize("bare", [True, False], ids=["bare", "in full"])
def test_the_pair_answers_what_the_local_lane_cannot(
    local_llm: LanguageServer, cloud_llm: LanguageServer, tmp_path: Path, *, bare: bool
) -> None:
    """A cascade is right far more often than the local lane alone, and leaves to that lane what it knows; in any wording."""
    alone = answered(tmp_path / "local", pair(local_llm, cloud_llm, "Local", bare=bare), asked(ALONE))
    together = answered(tmp_path / "pair", pair(local_llm, cloud_llm, "Cascade", bare=bare), asked(TOGETHER))
    by_lane = [item.outcome.lane for item in together if item.outcome]
    told = {"local": accuracy(alone), "pair": accuracy(together), "cloud's share": by_lane.count("cloud") / len(by_lane)}
    print(json.dumps(told))
    assert told["pair"] >= told["local"] + 0.2
    assert told["cloud's share"] <= 0.8
