"""The seed's own question set and speeds, in a time that goes faster: `python -m tests.bench.reasoning.seed`.

    python -m tests.bench.reasoning.seed [--questions 500] [--faster 6]

The seed asked 500 questions of a cloud model, eight experts in two steps, one call of 9.6 s after the other: 21.4 hours. Its provider
allows 600 requests a minute. Here a provider allows that and takes that long, with time divided by `--faster`, before a real model; a
coordinator and two workers ask it all 8,000 calls. {metric, value, unit, asked, peer, ratio}: hours of the seed's time, by its own.
What Tandem itself takes is not divided, so the true ratio is larger; `limit` is what the provider's limit allows.
"""

import argparse
import os
import tempfile
from pathlib import Path

from tandem_reasoning.coordinator.job import Job

from tests.bench.memory.line import say
from tests.bench.reasoning.processes import ran
from tests.bench.reasoning.servers import PRICE, ROLES, llama_cpp, unanswerable
from tests.services.reasoning.faults.faults import Faults
from tests.services.reasoning.faults.provider import Provider, providing

STEPS = 2
CALL_S, PER_MINUTE = 9.6, 600.0
SEED_S = 77_000.0  # 154 s a question, 500 questions
ASKED = 80.0
WORKERS, AT_ONCE = 2, 32  # a question has two or three calls under way on the average, as its experts are asked in waves
IN_FLIGHT = 160  # 96 calls of 9.6 s fill 600 a minute; some take twice as long


def main(questions: int, faster: float) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as temporary, llama_cpp("cloud", Path(temporary)) as server:
        faults = Faults(latency_s=CALL_S / faster, requests_per_minute=PER_MINUTE * faster)
        with providing(server.url, server.model, faults) as provider:
            run = ran(Path(temporary) / "run", _job(provider, faster), unanswerable(questions), workers=WORKERS, at_once=AT_ONCE)
            calls, refused = run.status.lanes[0].calls, provider.account.statuses[429]
    assert run.status.done == questions, run.status
    took_s, seed_s = run.wall_s * faster, SEED_S * questions / 500
    limit_s = calls / PER_MINUTE * 60
    say("reasoning_seed", took_s / 3600, "h", peer=seed_s / 3600, ratio=seed_s / took_s, asked=ASKED, limit=seed_s / limit_s)
    say("reasoning_seed_allowed_used", limit_s / took_s, "share", calls=calls, refused=refused)


def _job(provider: Provider, faster: float) -> Job:
    """A lane of kind Local, since it is those whose experts vote; the others are asked once."""
    lane = {"name": "provider", "kind": "Local", "urls": [provider.url], "model": provider.model, "maxInFlight": IN_FLIGHT, **PRICE}
    return Job.model_validate(
        {
            "runUid": "seed",
            "name": "seed",
            "lanes": [lane | {"requestsPerMinute": round(PER_MINUTE * faster)}],
            "experts": ROLES,
            "thinking": {"bare": True, "maxTokens": 8, "maxSteps": STEPS, "adaptive": False},
            "routing": {"policy": "Local"},
            "hedge": False,
            "probe": False,
        }
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reasoning.seed")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--faster", type=float, default=6.0)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(asked.questions, asked.faster)
