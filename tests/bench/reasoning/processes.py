"""A run as it is on a machine: a coordinator and workers in processes of their own, and what they used of the processor."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceStub
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.values import Question

PATIENCE_S = 600
_PAUSE_S = 0.05
_LEASH = Path(__file__).parents[2] / "parts" / "leash.py"  # nobody outlives a bench that is killed
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator:
    """One that listens.

    Attributes:
        address: host:port.
        process: Its process.
        ledger: Its books.
    """

    address: str
    process: "subprocess.Popen[bytes]"
    ledger: Path

    def status(self) -> wire.Status:
        """How the run stands."""
        with closing(grpc.insecure_channel(self.address)) as channel:
            return next(ReasoningServiceStub(channel).Watch(wire.WatchRequest(), wait_for_ready=True, timeout=PATIENCE_S)).status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that is over: seconds by the wall clock from the first worker's start, processor seconds by part, how it stood."""

    wall_s: float
    core_s: Mapping[str, float]
    status: wire.Status
    ledger: Path


@contextmanager
def coordinating(folder: Path, job: Job, questions: Iterable[Question]) -> Generator[Coordinator]:
    """A coordinator whose books are in `folder`, gone at the end."""
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(job.model_dump_json(by_alias=True))
    lines = (json.dumps({"id": each.id, "question": each.text, "answer": each.answer, "kind": each.kind}) for each in questions)
    (folder / "questions.jsonl").write_text("\n".join(lines))
    told = {"job": "job.json", "questions": "questions.jsonl", "ledger": "ledger.sqlite", "address_file": "address"}
    environ = {f"TANDEM_COORDINATOR_{name.upper()}": str(folder / file) for name, file in told.items()}
    with _process("coordinator", environ, folder) as process:
        yield Coordinator(address=_address(folder / "address", process), process=process, ledger=folder / "ledger.sqlite")


def ran(folder: Path, job: Job, questions: Iterable[Question], *, workers: int = 2, at_once: int = 8) -> Ran:
    """A whole run of so many workers, each of which thinks about `at_once` questions at a time."""
    with coordinating(folder, job, questions) as coordinator, ExitStack() as stack:
        began = time.perf_counter()
        environs = [
            {"TANDEM_COORDINATOR": coordinator.address, "TANDEM_WORKER": f"worker-{number}", "TANDEM_AT_ONCE": str(at_once)}
            for number in range(workers)
        ]
        processes = [stack.enter_context(_process("worker", environ, folder)) for environ in environs]
        used = [_core_s_at_end(process) for process in processes]
        wall_s = time.perf_counter() - began
        core_s = {"coordinator": core_s_of(coordinator.process.pid), "workers": sum(used)}
        return Ran(wall_s=wall_s, core_s=core_s, status=coordinator.status(), ledger=coordinator.ledger)


def core_s_of(pid: int) -> float:
    """Processor seconds of a process so far, its threads included."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS  # utime and stime, fields 14 and 15 in proc(5)


@contextmanager
def _process(module: str, environ: Mapping[str, str], folder: Path) -> Generator["subprocess.Popen[bytes]"]:
    with (folder / f"{module}.log").open("ab") as log:
        command = [sys.executable, str(_LEASH), str(os.getpid()), sys.executable, "-m", f"tandem_reasoning.{module}"]
        process = subprocess.Popen(command, env=os.environ | environ, stdout=log, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def _core_s_at_end(process: "subprocess.Popen[bytes]") -> float:
    """What it used, once it has left by itself."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"a worker ended with {process.returncode}"
    return usage.ru_utime + usage.ru_stime


def _address(file: Path, process: "subprocess.Popen[bytes]") -> str:
    give_up = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert process.poll() is None, "the coordinator does not start"
        assert time.monotonic() < give_up, "the coordinator does not listen"
        time.sleep(_PAUSE_S)
    return json.loads(file.read_text())["grpc"]
