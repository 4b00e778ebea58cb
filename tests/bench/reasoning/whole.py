"""A whole run with faults on, beside the same calls with nothing around them: `python -m tests.bench.reasoning.whole`.

    python -m tests.bench.reasoning.whole [--questions 700]

700 questions, eight experts, two steps, over two lanes, each behind a provider that fails, stalls and breaks off: some 8,200 calls that
real models answer, since nobody is asked whose vote could not change the result any more. What is asked is of 8,000. A coordinator and
two workers in processes of their own. One JSON line each: {metric, value, unit, ...}. The floor sends the same prompts to the same
servers from one loop, with no faults between and no books kept; `ratio` is our rate by its rate.
"""

import argparse
import asyncio
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.outcome import Answered
from tandem_reasoning.ledger import verify
from tandem_reasoning.thinking.prompts import BARE, Expert, Shared, prompt

from tests.bench.memory.line import say
from tests.bench.reasoning.processes import Ran, core_s_of, ran
from tests.bench.reasoning.servers import ROLES, llama_cpp, transformers, unanswerable
from tests.parts.llm_servers.server import LanguageServer
from tests.services.reasoning.faults.faults import Faults
from tests.services.reasoning.faults.provider import Provider, providing

ASKED_S, CALLS_ASKED = 150.0, 8_000  # on two cores that do nothing else
STEPS, AT_ONCE, MAX_TOKENS = 2, 8, 8
FAULTS = Faults(errors=0.02, stalls=0.01, stall_s=1.0, cuts=0.01, requests_per_minute=9_000.0)
FLOOR_QUESTIONS = 40
DEADLINE_S = 60.0


def main(questions: int) -> None:
    """Measure, with both servers up."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        servers = [stack.enter_context(llama_cpp("local", folder)), stack.enter_context(transformers("cloud", folder))]
        floor = asyncio.run(_floor(servers))
        before = _used(servers)
        providers = [stack.enter_context(providing(each.url, each.model, FAULTS)) for each in servers]
        ours = time.process_time()
        run = ran(folder / "run", _job(providers), unanswerable(questions), at_once=AT_ONCE)
        told = {"providers": time.process_time() - ours, "servers": _used(servers) - before, **run.core_s}
        verify(run.ledger)
        _tell(run, providers, floor, told)


def _tell(run: Ran, providers: list[Provider], floor: float, core_s: dict[str, float]) -> None:
    status, calls = run.status, sum(lane.calls for lane in run.status.lanes)
    assert (status.done, status.failed) == (status.total, 0), status
    faults = sum(count for each in providers for code, count in each.account.statuses.items() if code != 200)
    cut = sum(not charge.delivered for each in providers for charge in each.account.charges)
    by_lane = {f"calls_{lane.name}": lane.calls for lane in status.lanes}
    say("reasoning_whole_run", run.wall_s, "s", calls=calls, refused=faults, cut=cut, **by_lane)
    say("reasoning_whole_for_8000_calls", run.wall_s * CALLS_ASKED / calls, "s", asked=ASKED_S)
    say("reasoning_whole_rate", calls / run.wall_s, "calls/s", floor=floor, ratio=calls / run.wall_s / floor)
    for part, seconds in core_s.items():
        say("reasoning_core", seconds / calls * 1000, "ms of a core a call", part=part, all_s=seconds)


def _job(providers: list[Provider]) -> Job:
    """Both lanes are ours and cost nothing, so that questions go to the one with more room, all experts of them."""
    lanes = [
        {"name": name, "kind": "Local", "urls": [each.url], "model": each.model, "maxInFlight": 64}
        for name, each in zip(("llama-cpp", "transformers"), providers, strict=True)
    ]
    return Job.model_validate(
        {
            "runUid": "whole",
            "name": "whole",
            "lanes": lanes,
            "experts": ROLES,
            "thinking": {"bare": True, "maxTokens": MAX_TOKENS, "maxSteps": STEPS, "adaptive": False},
            "routing": {"policy": "Local"},
            "tries": 8,
            "probe": False,
        }
    )


async def _floor(servers: list[LanguageServer]) -> float:
    """Calls a second, both servers together."""
    left = iter(
        [
            prompt(Shared(question=question), Expert(name=each["name"], role=each["role"]), max_tokens=MAX_TOKENS, wording=BARE)
            for question in unanswerable(FLOOR_QUESTIONS)
            for each in ROLES
        ]
    )
    answered = 0

    async def caller(server: LanguageServer, client: LaneClient) -> None:
        nonlocal answered
        for asked in left:
            outcome = await client.ask(server.url, server.model, asked, deadline_s=DEADLINE_S)
            answered += isinstance(outcome, Answered)

    began = time.perf_counter()
    async with LaneClient() as client:
        await asyncio.gather(*(caller(server, client) for server in servers for _ in range(AT_ONCE)))
    return answered / (time.perf_counter() - began)


def _used(servers: list[LanguageServer]) -> float:
    """Processor seconds of both servers."""
    return sum(core_s_of(each.process.pid) for each in servers if each.process)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reasoning.whole")
    parser.add_argument("--questions", type=int, default=700)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(parser.parse_args().questions)
