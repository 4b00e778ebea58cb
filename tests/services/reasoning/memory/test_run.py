"""Runs that share a real memory: what one learned another recalls, and nobody recalls what it is asked at the moment."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tandem.reasoning.v1.reasoning_pb2 import Status
from tandem_memory.client import Record, Verified
from tandem_reasoning.coordinator.figures import Figures
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Item
from tandem_reasoning.routing import draws
from tandem_reasoning.values import Question

from tests.services.memory.process import Service
from tests.services.reasoning.coordination import UID, coordinating, items, job, questions, work
from tests.services.reasoning.lanes.wire_server import playing
from tests.services.reasoning.memory.answering import Answer, following, recalled
from tests.services.reasoning.memory.conftest import awaited, records, told

VOTE = {"routing": {"policy": "Local"}, "thinking": {"adaptive": False}}  # three of four of one mind settle it
PATIENT = {"waitSeconds": 100.0}  # a slow machine is no failure
EVERY = {**PATIENT, "holdOut": 0.0}


def run(folder: Path, asked: Sequence[Question], answer: Answer, service: Service, **more: Any) -> tuple[Status, list[dict[str, Any]]]:
    """A run with two workers: how it stands in the end, and what its lane was asked."""
    folder.mkdir()

    async def deed() -> tuple[Status, list[dict[str, Any]]]:
        async with playing() as local:
            local.answer = answer
            given = job({"local": [local.url]}, **{**VOTE, **more})
            async with coordinating(folder, given, asked, memory=service.address) as coordinator:
                await asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
                return coordinator.status, local.asked

    return awaited(deed)


def outcome_says(item: Item) -> dict[str, Any]:
    """What the books say of the memory's part in an outcome."""
    assert item.outcome is not None
    return json.loads(item.outcome.detail)["recalled"]


def test_what_one_run_learned_another_recalls(memory: Service, tmp_path: Path) -> None:
    """Each outcome is one record; the next run's prompts show the record of the same question, and the books say which that was."""
    asked = questions(12)
    status, first = run(tmp_path / "first", asked, following("right"), memory, memory=EVERY)
    assert (status.done, status.memory.state, status.memory.waiting) == (12, "Ready", 0)
    left = {each.question: each for each in records(memory)}
    assert set(left) == {each.text for each in asked}
    assert {(each.answer, each.verified, each.source) for each in left.values()} == {("right", Verified.AGREEMENT, "local")}
    _, second = run(tmp_path / "second", asked, following("right"), memory, runUid="other", memory=EVERY)
    assert len(second) == len(first) == 36
    for body in second:
        (text,) = [each.text for each in asked if f"Question:\n{each.text}" in body["messages"][-1]["content"]]
        assert f"{text} right" in recalled(body)
    assert len(records(memory)) == 24


def test_no_question_finds_itself(memory: Service, tmp_path: Path) -> None:
    """Not under another id nor in other spelling, nor when the run goes on in a new ledger: a run would copy its own answers."""
    asked = [Question(id="1", text="What is a monad?"), Question(id="2", text="what is a monad")]
    _, first = run(tmp_path / "first", asked[:1], following("first"), memory, memory=EVERY)
    _, again = run(tmp_path / "again", asked, following("second"), memory, memory=EVERY)
    assert not any("earlier questions" in recalled(body) for body in first + again)
    assert [each.answer for each in records(memory)] == ["first", "second"]  # question 1 of this run is known


def test_the_held_out_are_looked_up_and_not_shown(memory: Service, tmp_path: Path) -> None:
    """Whether a question is held out follows from its name and the run's alone; what was found for it is in the books."""
    asked = questions(40)
    told(memory, *(Record(question=each.text, answer="told", verified=Verified.LABEL) for each in asked))
    status, bodies = run(tmp_path / "run", asked, following("right"), memory, memory={**PATIENT, "holdOut": 0.3})
    out = {each.id for each in asked if draws.held_out(UID, each.id, share=0.3)}
    assert 0 < len(out) < 40
    assert (status.memory.held_out, status.memory.shown) == (len(out), 40 - len(out))
    assert sum(not recalled(body).count("told") for body in bodies) == 3 * len(out)
    for item in items(tmp_path / "run" / "ledger.sqlite"):
        assert outcome_says(item)["shown"] == (item.question.id not in out)
        assert len(outcome_says(item)["records"]) == 1


def test_a_run_without_a_memory(tmp_path: Path) -> None:
    """It recalls nothing, and its status says nothing of a memory."""

    async def deed() -> None:
        async with playing() as local, coordinating(tmp_path, job({"local": [local.url]}, **VOTE), questions(3)) as coordinator:
            local.answer = following("right")
            await work(coordinator.address, "one")
            assert not coordinator.status.HasField("memory")
            assert not any("earlier questions" in recalled(body) for body in local.asked)

    awaited(deed)


def test_what_did_harm_is_not_recalled_again(memory: Service, tmp_path: Path) -> None:
    """Labels say what a record was good for, and the memory is told: the next run is not shown what misled this one."""
    asked = [Question(id=f"q{n}", text=f"Who wrote book {n * n}?", answer="right") for n in range(20)]
    lies = told(memory, *(Record(question=each.text, answer="wrong", verified=Verified.LABEL) for each in asked))
    status, _ = run(tmp_path / "first", asked, following("right"), memory, memory={**EVERY, "stopOnHarm": False})
    assert status.memory.shown == 20
    uses = {each.id: each.use for each in records(memory) if each.id in lies}
    assert all(use is not None and use.times == 1 and use.gain < 0 for use in uses.values())
    _, bodies = run(tmp_path / "second", asked, following("right"), memory, runUid="other", memory=EVERY)
    assert not any("? wrong" in recalled(body) for body in bodies)
    _, all_ = run(tmp_path / "third", asked, following("right"), memory, runUid="all", memory={**EVERY, "keeping": "All"})
    assert any("? wrong" in recalled(body) for body in all_)


def test_a_memory_that_does_harm_is_turned_off(memory: Service, tmp_path: Path) -> None:
    """Once the held-out questions say so: nothing more is recalled, the status says why, and a restart does not forget it."""
    asked = [Question(id=f"q{n}", text=f"Who wrote book {n * n}?", answer="right") for n in range(150)]
    told(memory, *(Record(question=each.text, answer="wrong", verified=Verified.LABEL) for each in asked))
    manner = {"memory": {**PATIENT, "holdOut": 0.4}}
    status, bodies = run(tmp_path / "run", asked, following("right"), memory, **manner)
    assert status.memory.state == "Off"
    assert "worse with the memory" in status.memory.problem
    assert status.memory.lift_high < 0
    assert 0 < status.memory.shown + status.memory.held_out < 150
    assert "? wrong" not in recalled(bodies[-1])
    figures = {sample.name: sample.value for metric in Figures(lambda: status).collect() for sample in metric.samples}
    assert (figures["tandem_memory_asked"], figures["tandem_memory_untold"]) == (0, status.memory.waiting)
    assert figures["tandem_memory_lift"] == status.memory.lift < 0

    async def again() -> None:
        given: Job = job({"local": ["http://127.0.0.1:9/v1"]}, **VOTE, **manner)
        async with coordinating(tmp_path / "run", given, asked, memory=memory.address) as coordinator:
            assert coordinator.status.memory.state == "Off"
            assert coordinator.status.memory.shown == status.memory.shown

    awaited(again)
