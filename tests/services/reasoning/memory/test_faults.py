"""The memory, the coordinator and workers are killed at any moment: each outcome is in the memory once."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tandem_reasoning.ledger import State, verify
from tandem_reasoning.report.writing import write
from tandem_reasoning.values import Question

from tests.parts.running import free_port
from tests.services.memory.process import Service
from tests.services.reasoning.coordination import coordinating, items, job, questions, work
from tests.services.reasoning.lanes.wire_server import Act, Played, playing
from tests.services.reasoning.memory.answering import Answer, following
from tests.services.reasoning.memory.conftest import awaited, caught_up, records

VOTE = {"routing": {"policy": "Local"}}


def each_once(memory: Service, asked: Sequence[Question]) -> bool:
    """Whether the memory has one record of each question."""
    return sorted(each.question for each in records(memory)) == sorted(each.text for each in asked)


def once(event: asyncio.Event, answer: Answer) -> Answer:
    """The same answers, and none before the event."""

    async def answered(path: str, body: dict[str, Any]) -> Act:
        await event.wait()
        return await answer(path, body)

    return answered


async def answered(local: Played, number: int) -> None:
    """Wait until the lane was asked so often."""
    await local.until(lambda: len(local.asked) >= number)


def test_a_memory_that_dies_in_the_middle(memory: Service, tmp_path: Path) -> None:
    """Answers go on; what it missed waits, and is there once when it is back."""
    asked = questions(60)

    async def deed() -> None:
        async with playing() as local:
            local.answer, killed = following("right"), asyncio.Event()
            async with coordinating(tmp_path, job({"local": [local.url]}, **VOTE), asked, memory=memory.address) as coordinator:
                working = asyncio.gather(work(coordinator.address, "one"), work(coordinator.address, "two"))
                await answered(local, 40)
                local.answer = once(killed, local.answer)
                await asyncio.to_thread(memory.kill)
                killed.set()
                await working
                status = coordinator.status
                assert (status.done, status.failed) == (60, 0)
                assert status.memory.state == "Away"
                assert status.memory.waiting > 0
                await asyncio.to_thread(memory.start)
                await caught_up(coordinator)

    awaited(deed)
    assert each_once(memory, asked)


def test_a_memory_that_is_not_there_at_the_start(memory: Service, tmp_path: Path) -> None:
    """All is answered without it; the books keep what it is to be told, and a later life of the coordinator tells it."""
    asked = questions(12)
    memory.kill()

    async def deed() -> None:
        async with playing() as local:
            local.answer = following("right")
            given = job({"local": [local.url]}, **VOTE)
            async with coordinating(tmp_path, given, asked, memory=memory.address, grace_seconds=0.1) as coordinator:
                await work(coordinator.address, "one")
                assert (coordinator.status.done, coordinator.status.memory.waiting) == (12, 12)
            await asyncio.to_thread(memory.start)
            async with coordinating(tmp_path, given, asked, memory=memory.address) as coordinator:
                await caught_up(coordinator)

    awaited(deed)
    assert each_once(memory, asked)
    told = write(tmp_path / "ledger.sqlite", tmp_path / "report", job=None, now=datetime.now(UTC))
    assert (told.learned.away, told.learned.not_recalled) == (12, 12)


def test_a_memory_that_refuses(memory: Service, tmp_path: Path) -> None:
    """What it will never take keeps nothing else waiting, and an event says so."""
    memory.kill()
    small = Service(tmp_path / "small", MOST_RECORD_BYTES=4000)
    asked = [*questions(5), Question(id="long", text="why " * 2000), Question(id="last", text="What is last?")]

    async def deed() -> None:
        async with playing() as local:
            local.answer = following("right")
            given = job({"local": [local.url]}, **VOTE)
            async with coordinating(tmp_path, given, asked, memory=small.address) as coordinator:
                await work(coordinator.address, "one")
                await caught_up(coordinator)
                assert coordinator.status.done == 7

    small.start()
    try:
        awaited(deed)
        assert each_once(small, [each for each in asked if each.id != "long"])
    finally:
        small.kill()


@asynccontextmanager
async def processes(folder: Path, memory: Service, url: str, asked: Sequence[Question]) -> AsyncIterator["Processes"]:
    """A coordinator and two workers, gone at the end."""
    running = Processes(folder, memory, url, asked)
    try:
        yield running
    finally:
        running.end()


class Processes:
    """Processes that may be killed, and are started anew then."""

    def __init__(self, folder: Path, memory: Service, url: str, asked: Sequence[Question]) -> None:
        lines = [json.dumps({"id": each.id, "question": each.text, "kind": each.kind}) for each in asked]
        (folder / "questions.jsonl").write_text("\n".join(lines))
        given = job({"local": [url]}, **VOTE, maxAttempts=50, leaseSeconds=3)
        (folder / "job.json").write_text(given.model_dump_json(by_alias=True))
        address = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._environ = os.environ | {
            "TANDEM_COORDINATOR_JOB": str(folder / "job.json"),
            "TANDEM_COORDINATOR_QUESTIONS": str(folder / "questions.jsonl"),
            "TANDEM_COORDINATOR_LEDGER": str(folder / "ledger.sqlite"),
            "TANDEM_COORDINATOR_LISTEN": address,
            "TANDEM_COORDINATOR_MEMORY": memory.address,
            "TANDEM_COORDINATOR": address,
            "TANDEM_AT_ONCE": "4",
        }
        self._all = {name: self._started(name) for name in ("coordinator", "one", "two")}

    def kill(self, name: str) -> None:
        """Kill one and start it anew."""
        self._all[name].kill()
        self._all[name].wait()
        self._all[name] = self._started(name)

    async def left(self) -> None:
        """Wait until the workers have left, which they do when all is done, and have the coordinator leave."""
        for name in ("one", "two"):
            assert await asyncio.to_thread(self._all[name].wait) == 0
        self._all["coordinator"].terminate()
        assert await asyncio.to_thread(self._all["coordinator"].wait) == 0

    def end(self) -> None:
        """Leave nothing behind."""
        for each in self._all.values():
            each.kill()
            each.wait()

    def _started(self, name: str) -> "subprocess.Popen[bytes]":
        module = "tandem_reasoning.coordinator" if name == "coordinator" else "tandem_reasoning.worker"
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", module], env=self._environ | {"TANDEM_WORKER": name}, stdout=log, stderr=log)


@pytest.mark.slow
def test_everything_is_killed(memory: Service, tmp_path: Path) -> None:
    """Kill -9 of coordinator, memory and workers: no outcome is lost or made twice, in the ledger or in the memory."""
    asked, rng = questions(60), random.Random(8)

    async def deed() -> None:
        async with playing() as local, processes(tmp_path, memory, local.url, asked) as running:
            local.answer = following("right")
            names = ("coordinator", "memory", "one", "coordinator", "memory", "two", "coordinator")
            for number, name in enumerate(names, start=1):
                await answered(local, 20 * number + rng.randint(0, 15))  # three calls for each question, so there are 180
                if name == "memory":
                    await asyncio.to_thread(memory.kill)
                    await asyncio.to_thread(memory.start)
                else:
                    await asyncio.to_thread(running.kill, name)
            await running.left()
            async with coordinating(tmp_path, job({"local": [local.url]}, **VOTE), asked, memory=memory.address) as coordinator:
                await caught_up(coordinator)

    awaited(deed, 600)
    assert verify(tmp_path / "ledger.sqlite") == ()
    assert {item.state for item in items(tmp_path / "ledger.sqlite")} == {State.DONE}
    assert each_once(memory, asked)
