"""How fast a coordinator hands questions out, and how large it gets: `python -m tests.bench.reasoning.claims`.

    python -m tests.bench.reasoning.claims [--items 50000] [--workers 64] [--seconds 5]

A coordinator in a process of its own, with all questions loaded, and 64 workers that speak gRPC to it over two channels from another
process. Each does what a worker does: it tells what its questions came to in the message that claims the next ones, one by one or 16 at
a time, as many as it thinks about at once; a claim counts once its answer is in the books. Workers here think for no time, so that the
waits of the first figures say how many stand in line and no more: 64 workers in line for 5,000 claims a second wait 13 ms each, one by
one. `at_pace` has the same workers come back as if they thought: twice as often as workers with eight questions at once, each of
a second. One JSON line each: {metric, value, unit, asked, floor, ratio}. The floor is the same worker calling a method that does next to
nothing (`Begin`), at the same pace where there is one, so `ratio` is what the books and the decisions leave of gRPC's own speed.

`core` counts claims by a second of the coordinator's processor time, which a busy machine changes less. The closer it comes to the pace,
the longer the line: at 1,000 claims a second the coordinator uses most of a core, and this process, on whose clock they wait, a
quarter of another one. No model is asked.
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
from tests.bench.reasoning.processes import Coordinator, coordinating, core_s_of
from tests.bench.reasoning.servers import ROLES
from tests.resident import resident_bytes

RATE_ASKED, P99_ASKED_MS, BYTES_ASKED = 5_000, 10.0, 300 * 10**6
AT_A_TIME = 16  # questions of a claim, where a worker thinks about many at once
PACE = 1_000  # claims a second: 64 workers, each with eight questions of a second under way, come to half of that
CHANNELS = 2
TEXT = "What is it like to be a bat, and could anybody but a bat ever know? " * 4
ANSWER = "Because knowing every fact about a thing is not yet having been it. " * 12

Work = Callable[["Caller"], Awaitable[int]]
"""One turn of a worker: how many questions it was for."""


@dataclass(slots=True, kw_only=True)
class Caller:
    """A worker: its line and name, how many questions it thinks about, what it has yet to tell, and what calls took."""

    line: Line
    name: str
    waits_s: list[float]
    done: Sequence[wire.CompleteRequest] = ()

    async def begins(self) -> int:
        """Ask for what costs next to nothing."""
        began = time.perf_counter()
        await self.line.stub.Begin(wire.BeginRequest(worker=self.name))
        self.waits_s.append(time.perf_counter() - began)
        return 1

    async def claims(self, count: int) -> int:
        """Tell what the last questions came to and claim others; how many were told."""
        request, told = wire.ClaimRequest(worker=self.name, count=count, completed=self.done), len(self.done)
        began = time.perf_counter()
        claimed = await self.line.stub.Claim(request)
        self.waits_s.append(time.perf_counter() - began)
        self.done = [
            wire.CompleteRequest(worker=self.name, hold=lease.hold, answer=ANSWER, lane="here", agreement=0.75, route=lease.route)
            for lease in claimed.leases
        ]
        return told


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

        def turned(work: Work, alone: int = workers, every_s: float = 0.0) -> Turned:
            return asyncio.run(_turned(coordinator, work, alone, seconds, every_s))

        floor, one, many, lonely = turned(Caller.begins), turned(_one), turned(_many), turned(_one, 1)
        pace_s = workers / PACE
        quiet, paced = turned(Caller.begins, every_s=pace_s), turned(_one, every_s=pace_s)
        _tell("reasoning_grpc_claims_one_by_one", one, floor)
        _tell(f"reasoning_grpc_claims_{AT_A_TIME}_at_a_time", many, floor)
        say("reasoning_grpc_claim_p99_alone", lonely.p99_ms, "ms", asked=P99_ASKED_MS)
        beside = {"floor": quiet.p99_ms, "ratio": paced.p99_ms / quiet.p99_ms, "core": round(paced.core_rate)}
        say("reasoning_grpc_claim_p99_at_pace", paced.p99_ms, "ms", asked=P99_ASKED_MS, pace=PACE, reached=round(paced.rate), **beside)
        resident = resident_bytes(coordinator.process.pid)
        say("reasoning_coordinator_resident", resident, "bytes", asked=BYTES_ASKED, items=items, done=coordinator.status().done)


def _tell(metric: str, ours: Turned, floor: Turned) -> None:
    rates = {"asked": RATE_ASKED, "floor": round(floor.rate), "ratio": ours.rate / floor.rate, "core": round(ours.core_rate)}
    say(metric, round(ours.rate), "claims/s", **rates)
    say(f"{metric}_p99", ours.p99_ms, "ms", asked=P99_ASKED_MS, floor=floor.p99_ms, ratio=ours.p99_ms / floor.p99_ms)


async def _turned(coordinator: Coordinator, work: Work, workers: int, seconds: float, every_s: float) -> Turned:
    waits, done, pid = list[float](), 0, coordinator.process.pid
    lines = [Line(coordinator.address, None) for _ in range(CHANNELS)]
    began, core = time.perf_counter(), core_s_of(pid)

    async def worker(number: int) -> None:
        nonlocal done
        caller = Caller(line=lines[number % CHANNELS], name=f"worker-{number}", waits_s=waits)
        next_s = began + every_s * number / workers
        while time.perf_counter() < began + seconds:
            await asyncio.sleep(next_s - time.perf_counter())  # by the clock, so that who was held up is not spared the next one
            next_s += every_s
            turn = await work(caller)
            done += turn  # not in one line, which would read the sum before it waits

    await asyncio.gather(*(worker(number) for number in range(workers)))
    took, core = time.perf_counter() - began, core_s_of(pid) - core
    for line in lines:
        await line.__aexit__()
    return Turned(rate=done / took, core_rate=done / core, waits_s=waits)


async def _one(caller: Caller) -> int:
    return await caller.claims(1)


async def _many(caller: Caller) -> int:
    return await caller.claims(AT_A_TIME)


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
