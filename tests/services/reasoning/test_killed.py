"""Workers and the coordinator are killed again and again: no answer is lost, none is made twice, and all that is spent is in the books."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceStub
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import State, verify
from tandem_reasoning.values import Price

from tests.parts.llm_servers.server import LanguageServer
from tests.parts.running import free_port
from tests.services.reasoning.conftest import NewProvider
from tests.services.reasoning.coordination import UID, items
from tests.services.reasoning.faults.faults import Faults

pytestmark = pytest.mark.slow
QUESTIONS, WORKERS = 60, 3
KILLS = int(os.environ.get("TANDEM_TEST_KILLS", "12"))
PATIENCE_S = 600
PRICE = Price(input_nano=30, output_nano=140)


class Processes:
    """A coordinator and workers, each in a process that may be killed; one that was is started anew."""

    def __init__(self, folder: Path, job: Job) -> None:
        self._port, self._folder = free_port(), folder
        (folder / "job.json").write_text(job.model_dump_json(by_alias=True))
        lines = [json.dumps({"id": f"q{n}", "question": f"what is {n % 10}+{n // 10}?"}) for n in range(QUESTIONS)]
        (folder / "questions.jsonl").write_text("\n".join(lines))
        self._running = {name: self._started(name) for name in ("coordinator", *(f"worker-{n}" for n in range(WORKERS)))}
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}")

    @property
    def ledger(self) -> Path:
        return self._folder / "ledger.sqlite"

    def status(self) -> wire.Status:
        """How the run stands, once the coordinator is there."""
        stream = ReasoningServiceStub(self._channel).Watch(wire.WatchRequest(), wait_for_ready=True, timeout=PATIENCE_S)
        return next(stream).status

    def kill(self, name: str) -> None:
        """Kill one, and start it anew."""
        process = self._running[name]
        process.kill()
        process.wait()
        self._running[name] = self._started(name)

    def names(self) -> list[str]:
        """Of those that run; workers leave when all is done."""
        return [name for name, process in self._running.items() if process.poll() is None]

    def finish(self) -> None:
        """Have the workers leave, then the coordinator."""
        for name, process in self._running.items():
            if name != "coordinator":
                assert process.wait(PATIENCE_S) == 0
        self._running["coordinator"].send_signal(signal.SIGTERM)
        assert self._running["coordinator"].wait(PATIENCE_S) == 0

    def end(self) -> None:
        """Leave nothing behind."""
        self._channel.close()
        for process in self._running.values():
            process.kill()
            process.wait()

    def _started(self, name: str) -> "subprocess.Popen[bytes]":
        ours = {
            "TANDEM_COORDINATOR_JOB": str(self._folder / "job.json"),
            "TANDEM_COORDINATOR_QUESTIONS": str(self._folder / "questions.jsonl"),
            "TANDEM_COORDINATOR_LEDGER": str(self.ledger),
            "TANDEM_COORDINATOR_LISTEN": f"127.0.0.1:{self._port}",
            "TANDEM_COORDINATOR": f"127.0.0.1:{self._port}",
            "TANDEM_WORKER": name,
            "TANDEM_AT_ONCE": "4",
        }
        module = "tandem_reasoning.coordinator" if name == "coordinator" else "tandem_reasoning.worker"
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", module], env=os.environ | ours, stdout=log, stderr=log)


def _job(url: str, model: str) -> Job:
    """A run whose only lane is paid by the token."""
    usd = {"usdPerMillionInputTokens": "0.03", "usdPerMillionOutputTokens": "0.14"}
    return Job.model_validate(
        {
            "runUid": UID,
            "name": "killed",
            "lanes": [{"name": "cloud", "kind": "Cloud", "urls": [url], "model": model, **usd}],
            "experts": [{"name": f"expert-{number}", "role": f"Be brief {number}."} for number in range(4)],
            "thinking": {"bare": True, "maxTokens": 8, "maxSteps": 1, "callSeconds": 60},
            "routing": {"policy": "Local"},  # there is none, so the experts of the other lane vote
            "leaseSeconds": 3,
            "maxAttempts": 50,
            "budgetUsd": "0.05",
            "probe": False,  # what is spent is compared with the provider's own books, call by call
        }
    )


def test_nothing_is_lost_or_made_twice(local_llm: LanguageServer, provider_of: NewProvider, tmp_path: Path) -> None:
    """Every question has one outcome, and the books hold at least what the provider charged, never more than is allowed."""
    provider = provider_of(local_llm, Faults(seed=3, price=PRICE, errors=0.03, cuts=0.02))
    processes = Processes(tmp_path, _job(provider.url, provider.model))
    rng = random.Random(KILLS)
    try:
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.2, 1.5))
            processes.kill(rng.choice(processes.names()))
        deadline = time.monotonic() + PATIENCE_S
        while not (status := processes.status()).over:
            assert time.monotonic() < deadline, status
            time.sleep(0.2)
        processes.finish()
    finally:
        processes.end()
    verify(processes.ledger)
    assert {item.state for item in items(processes.ledger)} == {State.DONE}
    assert (status.done, status.total) == (QUESTIONS, QUESTIONS)
    assert provider.account.spent_nano <= status.spent_nano <= status.cap_nano
    # what nobody told the end of is taken to be spent at its worst, and is all that may be too much
    assert status.spent_nano - status.unconfirmed_nano <= provider.account.spent_nano
    assert status.reserved_nano == 0
