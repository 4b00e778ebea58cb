"""Coordinators and workers as processes: killed, robbed of their disk, and started elsewhere."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceStub
from tandem_objects import open_store
from tandem_operator.local.process.folder import WorkerFolder
from tandem_reasoning.coordinator.keeping.shelf import Manifest, Shelf
from tandem_reasoning.ledger import Ledger, Review, State, verify

from tests.parts.running import free_port
from tests.services.reasoning.coordination import UID, job, said
from tests.services.reasoning.lanes.wire_server import Act, playing

DUE = 4  # answers for a snapshot
COUNT, PATIENCE_S = 24, 240


class Machine:
    """A coordinator on a machine of its own; the store is elsewhere."""

    def __init__(self, folder: Path, port: int, store: str, told: str, *, questions: str = "") -> None:
        folder.mkdir(exist_ok=True)
        (folder / "job.json").write_text(told)
        lines = [json.dumps({"id": f"q{n}", "question": f"what is {n}?", "answer": "42"}) for n in range(COUNT)]
        (folder / "questions.jsonl").write_text(questions or "\n".join(lines))
        self.ledger, self.report = folder / "ledger.sqlite", folder / "report"
        self._port = port
        settings = {
            "JOB": folder / "job.json",
            "QUESTIONS": folder / "questions.jsonl",
            "LEDGER": self.ledger,
            "LISTEN": f"127.0.0.1:{port}",
            "SNAPSHOTS": store,
            "SNAPSHOT_QUESTIONS": DUE,
            "REPORT": self.report,
        }
        environ = {**os.environ, **{f"TANDEM_COORDINATOR_{name}": str(value) for name, value in settings.items()}}
        self.process = subprocess.Popen([sys.executable, "-m", "tandem_reasoning.coordinator"], env=environ, stderr=subprocess.PIPE)

    async def until(self, holds: Callable[[wire.Status], bool]) -> wire.Status:
        """The first status of which it holds."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            watch = ReasoningServiceStub(channel).Watch(wire.WatchRequest(), wait_for_ready=True, timeout=PATIENCE_S)
            async for each in watch:
                if holds(each.status):
                    return each.status
        raise AssertionError

    def ended(self) -> tuple[int, str]:
        """How it ended, and what it said."""
        _, said_ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said_.decode()


def worker(port: int, name: str, scratch: Path) -> "subprocess.Popen[bytes]":
    told = {"COORDINATOR": f"127.0.0.1:{port}", "WORKER": name, "AT_ONCE": "2", "SCRATCH": str(scratch)}
    environ = {**os.environ, **{f"TANDEM_{key}": value for key, value in told.items()}}
    return subprocess.Popen([sys.executable, "-m", "tandem_reasoning.worker"], env=environ)


def gated(gate: asyncio.Semaphore) -> Callable[[str, dict[str, Any]], Awaitable[Act]]:
    """So many answers, and no more until the gate lets some through."""

    async def answer(path: str, body: dict[str, Any]) -> Act:
        del path, body
        await gate.acquire()
        return said("Answer: 42")

    return answer


async def first_of(shelf: Shelf) -> Manifest:
    """The newest snapshot, once there is one of as many answers as make one due; on a busy machine one of fewer comes by time."""
    while True:
        found = await asyncio.to_thread(list, shelf.newest_first())
        if found and found[0].answered >= DUE:
            return found[0]
        await asyncio.sleep(0.1)


@pytest.mark.slow
def test_a_run_outlives_the_disk_of_its_coordinator(tmp_path: Path) -> None:
    """Killed with its disk, a coordinator is started on another machine: the run goes on from the newest snapshot and ends whole.

    The first one, should it come back, is told that it is not wanted any more, and ends for good. The report lies beside the snapshots.
    """
    store, port = (tmp_path / "store").as_uri(), free_port()

    async def deed() -> None:
        async with AsyncExitStack() as stack:
            gate = asyncio.Semaphore(10)
            cloud = await stack.enter_async_context(playing())
            cloud.answer = gated(gate)
            patient = {
                "thinking": {"callSeconds": 600},
                "hedge": False,
            }  # calls wait at the gate for as long as a machine takes to be replaced
            told = job({"cloud": [cloud.url]}, routing={"policy": "Cloud"}, budgetUsd="0.1", **patient).model_dump_json(by_alias=True)
            first = Machine(tmp_path / "first", port, store, told)
            stack.callback(first.process.kill)
            workers = [worker(port, name, tmp_path) for name in ("one", "two")]
            for each in workers:
                stack.callback(each.kill)
            await first.until(lambda status: status.done >= 8)
            shelf = Shelf(open_store(store, {}), UID)
            whole = await first_of(shelf)
            first.process.kill()
            await asyncio.to_thread(first.process.wait)
            second = Machine(tmp_path / "second", port, store, told)
            stack.callback(second.process.kill)
            begun = await second.until(lambda status: status.total == COUNT)
            assert begun.done >= whole.answered >= DUE
            kept = await second.until(lambda status: status.snapshot.uri.endswith("/manifests/00000002-00000001.json"))
            assert kept.snapshot.answered >= whole.answered, "what was restored is kept again at once"
            for _ in range(10 * COUNT):
                gate.release()
            over = await second.until(lambda status: status.over and status.snapshot.answered == COUNT)
            assert over.done == COUNT
            told_of = await asyncio.to_thread(Path(over.snapshot.uri.removeprefix("file://")).read_text)
            assert json.loads(told_of)["ended"] is False, "it is told while somebody hears it"
            for each in workers:
                assert await asyncio.to_thread(each.wait, PATIENCE_S) == 0
            assert WorkerFolder(tmp_path).word() == (0, "")
            second.process.terminate()
            code, heard = await asyncio.to_thread(second.ended)
            assert code == 0, heard

    asyncio.run(asyncio.wait_for(deed(), 3 * PATIENCE_S))
    ledger = tmp_path / "second" / "ledger.sqlite"
    assert verify(ledger) == ()
    review = Review(ledger)
    assert [each.state for each in review.questions()] == [State.DONE] * COUNT
    (restored,) = [each for each in review.events() if each.kind == "LedgerRestored"]
    assert restored.count == 1
    assert 0 < review.sums.total.spent_nano <= 100_000_000
    assert review.sums.total.charged_nano == 5_000_000  # a twentieth of the budget, for what the snapshot could not know
    review.close()
    for name in ("report.json", "answers.csv", "report.html"):
        here = (tmp_path / "second" / "report" / name).read_bytes()
        assert open_store(store, {}).get(f"{UID}/report/{name}") == here


@pytest.mark.slow
def test_a_coordinator_that_was_replaced_ends_for_good(tmp_path: Path) -> None:
    """Where two are started, the later one has the run: the other notices at its next snapshot, says so and is not started again."""
    store, port = (tmp_path / "store").as_uri(), free_port()

    async def deed() -> tuple[int, str]:
        async with AsyncExitStack() as stack:
            cloud = await stack.enter_async_context(playing())
            cloud.answer = gated(gate := asyncio.Semaphore(0))
            told = job({"cloud": [cloud.url]}, routing={"policy": "Cloud"}, hedge=False, probe=False).model_dump_json(by_alias=True)
            first = Machine(tmp_path / "first", port, store, told)
            stack.callback(first.process.kill)
            await first.until(lambda status: status.total == COUNT)
            Shelf(open_store(store, {}), UID).claim()  # as the next coordinator does before anything else
            running = worker(port, "one", tmp_path)
            stack.callback(running.kill)
            for _ in range(COUNT):
                gate.release()
            return await asyncio.to_thread(first.ended)

    code, heard = asyncio.run(asyncio.wait_for(deed(), 3 * PATIENCE_S))
    assert code == 93
    assert "coordinator 2 has taken over run 5f0c: coordinator 1 must stop" in heard
    assert not (tmp_path / "first" / "report").exists()


def test_who_finds_the_run_in_use_fences_nobody_off(tmp_path: Path) -> None:
    """A coordinator that is started beside another one on the same machine leaves, and has claimed nothing."""
    store, told = (tmp_path / "store").as_uri(), job({"cloud": ["http://127.0.0.1:9/v1"]}).model_dump_json(by_alias=True)
    ledger = Ledger(tmp_path / "run" / "ledger.sqlite", run=UID, cap_nano=None)
    try:
        code, heard = Machine(tmp_path / "run", free_port(), store, told).ended()
    finally:
        ledger.close()
    assert (code, "is open in another process" in heard) == (1, True)
    assert Shelf(open_store(store, {}), UID).highest() == 0


@pytest.mark.parametrize(
    ("store", "code", "sentence"),
    [("s3://never-made/runs", 1, "snapshots: "), ("ftp://example/runs", 93, "ftp://example/runs"), ("", 1, "cannot be bound")],
)
def test_trouble_at_a_start_may_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str, code: int, sentence: str) -> None:
    """For a store that is away and a port that is taken it is started again; for an address that can never work it is not."""
    monkeypatch.setenv("TANDEM_S3_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = job({"cloud": ["http://127.0.0.1:9/v1"]}).model_dump_json(by_alias=True)
        ended = Machine(tmp_path / "run", taken.getsockname()[1], store, told).ended()
    assert (ended[0], sentence in ended[1]) == (code, True), ended


def test_all_mistakes_of_a_question_set_are_in_its_last_line(tmp_path: Path) -> None:
    """Which is what a run's status shows of a part that ended."""
    told = job({"cloud": ["http://127.0.0.1:9/v1"]}).model_dump_json(by_alias=True)
    code, heard = Machine(tmp_path / "run", free_port(), (tmp_path / "store").as_uri(), told, questions='{"id": "a"}\nnot json\n').ended()
    assert code == 93
    last = heard.strip().splitlines()[-1]
    assert "questions.jsonl:1" in last
    assert "questions.jsonl:2" in last
