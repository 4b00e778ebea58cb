"""How fast a coordinator hands questions out, and how large it gets: `python -m tests.bench.reasoning.claims`.

    python -m tests.bench.reasoning.claims [--items 50000] [--workers 64] [--seconds 5]

A coordinator in a process of its own, with all questions loaded, and 64 workers that speak gRPC to it over two channels from another
process: each claims questions and gives them back as done, but for the last figure, which is of claims alone. One JSON line each:
{metric, value, unit, asked, floor, ratio}. The floor is the same worker calling a method that does next to nothing (`Begin`), so
`ratio` is what the books and the decisions leave of gRPC's own speed. `core` counts by processor time of the coordinator, which a busy
machine changes less. No model is asked.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.values import Question
from tandem_reasoning.worker.line import Line

from tests.bench.memory.line import say
from tests.bench.reasoning.processes import Coordinator, coordinating, core_s_of, resident_bytes
from tests.bench.reasoning.servers import ROLES

RATE_ASKED, P99_ASKED_MS, BYTES_ASKED = 5_000, 10.0, 300 * 10**6
AT_A_TIME = 16  # questions of a claim, where a worker thinks about many at once
MOST = 64  # questions that a coordinator hands out at once, at most
CHANNELS = 2
TEXT = "What is it like to be a bat, and could anybody but a bat ever know? " * 4
ANSWER = "Because knowing every fact about a thing is not yet having been it. " * 12

Work = Callable[[Line, str, list[float]], Awaitable[int]]
"""One turn of a worker: how many questions it was for; what a call took, in seconds, is added to the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What all workers did: questions a second by the wall clock and by the coordinator's processor time, and waits."""

    rate: float
    core_rate: float
    waits_s: Sequence[float]

    @property
    def p99_ms(self) -> float:
        """99th percentile of a call."""
        return quantiles(self.waits_s, n=100)[-1] * 1000


def main(items: int, workers: int, seconds: float) -> None:
    """Measure, each for so many seconds."""
    questions = (Question(id=f"q{number}", text=TEXT, kind="bench") for number in range(items))
    with tempfile.TemporaryDirectory() as temporary, coordinating(Path(temporary) / "run", _job(), questions) as coordinator:
        say("reasoning_coordinator_loaded", resident_bytes(coordinator.process.pid), "bytes", asked=BYTES_ASKED, items=items)

        def turned(work: Work, alone: int = workers) -> Turned:
            return asyncio.run(_turned(coordinator, work, alone, seconds))

        floor, one, many, lonely, only = turned(_begin), turned(_one), turned(_many), turned(_one, 1), turned(_only)
        _tell("reasoning_grpc_claims_one_by_one", one, floor)
        _tell(f"reasoning_grpc_claims_{AT_A_TIME}_at_a_time", many, floor)
        _tell(f"reasoning_grpc_claims_{MOST}_at_a_time_unanswered", only, floor)
        say("reasoning_grpc_claim_p99_alone", lonely.p99_ms, "ms", asked=P99_ASKED_MS)
        resident = resident_bytes(coordinator.process.pid)
        say("reasoning_coordinator_resident", resident, "bytes", asked=BYTES_ASKED, items=items, done=coordinator.status().done)


def _tell(metric: str, ours: Turned, floor: Turned) -> None:
    rates = {"asked": RATE_ASKED, "floor": round(floor.rate), "ratio": ours.rate / floor.rate, "core": round(ours.core_rate)}
    say(metric, round(ours.rate), "claims/s", **rates)
    say(f"{metric}_p99", ours.p99_ms, "ms", asked=P99_ASKED_MS, floor=floor.p99_ms, ratio=ours.p99_ms / floor.p99_ms)


async def _turned(coordinator: Coordinator, work: Work, workers: int, seconds: float) -> Turned:
    waits, done, pid = list[float](), 0, coordinator.process.pid
    lines = [Line(coordinator.address, None) for _ in range(CHANNELS)]
    began, core = time.perf_counter(), core_s_of(pid)

    async def worker(number: int) -> None:
        nonlocal done
        while time.perf_counter() < began + seconds:
            turn = await work(lines[number % CHANNELS], f"worker-{number}", waits)
            done += turn  # not in one line, which would read the sum before it waits

    await asyncio.gather(*(worker(number) for number in range(workers)))
    took, core = time.perf_counter() - began, core_s_of(pid) - core
    for line in lines:
        await line.__aexit__()
    return Turned(rate=done / took, core_rate=done / core, waits_s=waits)


async def _begin(line: Line, worker: str, waits: list[float]) -> int:
    began = time.perf_counter()
    await line.stub.Begin(wire.BeginRequest(worker=worker))
    waits.append(time.perf_counter() - began)
    return 1


async def _one(line: Line, worker: str, waits: list[float]) -> int:
    return await _claim(line, worker, waits, 1)


async def _many(line: Line, worker: str, waits: list[float]) -> int:
    return await _claim(line, worker, waits, AT_A_TIME)


async def _only(line: Line, worker: str, waits: list[float]) -> int:
    began = time.perf_counter()
    claimed = await line.stub.Claim(wire.ClaimRequest(worker=worker, count=MOST))
    waits.append(time.perf_counter() - began)
    return len(claimed.leases)


async def _claim(line: Line, worker: str, waits: list[float], count: int) -> int:
    """Claim, then answer: the wait is that of the claim."""
    began = time.perf_counter()
    claimed = await line.stub.Claim(wire.ClaimRequest(worker=worker, count=count))
    waits.append(time.perf_counter() - began)
    for lease in claimed.leases:
        done = wire.CompleteRequest(worker=worker, hold=lease.hold, answer=ANSWER, lane="here", agreement=0.75)
        await line.stub.Complete(done)
    return len(claimed.leases)


def _job() -> Job:
    lane = {"name": "here", "kind": "Local", "urls": ["http://127.0.0.1:9/v1"], "model": "none"}
    told = {
        "runUid": "bench",
        "name": "bench",
        "lanes": [lane],
        "experts": ROLES,
        "routing": {"policy": "Local"},
        "leaseSeconds": 600,
        "probe": False,
    }
    return Job.model_validate(told)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reasoning.claims")
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    asked = parser.parse_args()
    main(asked.items, asked.workers, asked.seconds)
