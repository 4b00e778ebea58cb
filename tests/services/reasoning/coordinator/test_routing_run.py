"""A run whose router learns: from outcome to outcome, over restarts, and with all in the books that a replay needs."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.ledger import Item
from tandem_reasoning.routing.decision import Mode
from tandem_reasoning.routing.replay import choice
from tandem_reasoning.values import Question

from tests.services.reasoning.coordination import coordinating, items, job, said, work
from tests.services.reasoning.lanes.wire_server import Act, playing

PATIENCE_S = 240
WARMUP = 12


def asked(count: int) -> list[Question]:
    """Sums, which the local lane knows, and rhymes, which it does not."""
    makes = ("please add the numbers {0} and {0}", "which word is it that rhymes with word {0}")
    kinds = ("sum", "rhyme")
    return [Question(id=f"q{n}", text=makes[n % 2].format(n), answer="so", kind=kinds[n % 2]) for n in range(count)]


async def local(path: str, body: dict[str, Any]) -> Act:
    """Sure of sums, and of rhymes as well, but wrong."""
    del path
    return said("Answer: so" if "please add" in json.dumps(body) else "Answer: no")


async def cloud(path: str, body: dict[str, Any]) -> Act:
    del path, body
    return said("Answer: so")


def run(folder: Path, count: int, *, parts: Sequence[int] = (), **routing: Any) -> list[Item]:
    """All items; the coordinator is started anew whenever so many questions as in `parts` are answered."""

    async def deed() -> None:
        async with playing() as here, playing() as there:
            here.answer, there.answer = local, cloud
            told = job({"local": [here.url], "cloud": [there.url]}, routing={"warmup": WARMUP, "explore": 0, **routing})
            for until in (*parts, count):
                async with coordinating(folder, told, asked(count)) as coordinator:
                    stop = asyncio.Event()
                    working = asyncio.create_task(work(coordinator.address, "one", stop, at_once=2))
                    while coordinator.status.done < until:  # noqa: ASYNC110 - nothing says so but the status
                        await asyncio.sleep(0.01)
                    stop.set()
                    await working

    asyncio.run(asyncio.wait_for(deed(), PATIENCE_S))
    return list(items(folder / "ledger.sqlite"))


def lanes(found: Sequence[Item], kind: str) -> set[str]:
    return {item.outcome.lane for item in found if item.outcome and item.question.kind == kind}


def test_neighbours_route_what_they_know(tmp_path: Path) -> None:
    """After the warm-up sums stay local and rhymes go to the cloud lane at once; what that rests on is in the books."""
    found = run(tmp_path, 60, policy="Knn")
    later = found[WARMUP + 8 :]
    assert (lanes(later, "sum"), lanes(later, "rhyme")) == ({"local"}, {"cloud"})
    for item in later:
        assert item.outcome is not None
        assert item.outcome.decision is not None
        decision = choice.read(item.outcome.decision.choice)
        assert decision is not None
        assert decision.mode is Mode.SINGLE
        near = json.loads(item.outcome.detail)["near"]
        assert 0 < len(near) <= 15
        assert near[0][1] == (item.question.kind == "sum")


def test_votes_that_are_sure_and_wrong_are_found_out(tmp_path: Path) -> None:
    """A cascade alone would believe unanimous experts; with its neighbours and what votes were worth on this class it does not."""
    found = run(tmp_path, 60, policy="Cascade", warmup=30)
    later = found[30 + 8 :]
    assert (lanes(later, "sum"), lanes(later, "rhyme")) == ({"local"}, {"cloud"})


def test_what_was_learned_and_decided_outlives_the_coordinator(tmp_path: Path) -> None:
    """One that is started anew twice asks both lanes no more often than another, and every outcome has its decision."""
    found = run(tmp_path, 40, parts=(10, 20), policy="Knn")
    decisions = [item.outcome.decision for item in found if item.outcome]
    assert all(decisions)
    compared = [each for each in decisions if each and "compared" in each.choice]
    assert WARMUP <= len(compared) <= WARMUP + 8


@pytest.mark.parametrize("kind", ["sum", "rhyme"])
def test_an_ensemble_knows_what_both_together_would_have_said(tmp_path: Path, kind: str) -> None:
    """From the comparisons: three sure experts outvote a cloud lane, which is worth nothing where they are wrong."""
    found = run(tmp_path, 30, policy="Ensemble")
    joined = {json.loads(item.outcome.detail).get("joined") for item in found[:WARMUP] if item.outcome and item.question.kind == kind}
    assert joined == ({"so"} if kind == "sum" else {"no"})
    assert {item.outcome.answer for item in found if item.outcome and item.question.kind == kind} <= {"so", "no"}
