"""How much of an allowed rate is used, and how much is refused, by four workers: our pacer, and a peer's policy, in one simulated time.

The clock is simulated (`virtual_time.py`): what the pacer decides is its own code, what is waited for is a number. The provider allows
600 requests a minute, a burst of 5 seconds of that, and answers in about 10 s, so about 100 calls are in flight. The peer is what some
batch tools do: send what there is, and at a refusal stop all of it for 10 seconds; here even one pause for all workers, which is its best.

    python -m tests.bench.reasoning.pacing [calls]
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tandem_reasoning.lanes.outcome import Answered, Outcome
from tandem_reasoning.lanes.pacing.pacer import Pacer, Permit
from tandem_reasoning.values import Limits

from tests.bench.reasoning.provider import TOKENS, Provider
from tests.bench.reasoning.virtual_time import run

PER_MINUTE = 600
WORKERS = 4
AT_ONCE = 32  # calls of a worker
CALLS = 6_000  # ten minutes of the limit
LATENCY_S = 10.0
BURST = 50
PAUSE_S = 10.0
WIRE_S = 0.002  # from a worker to the pacer and back
FLOOR_USED = 0.97
CEILING_REFUSED = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Shares of the allowed rate that was used, and of calls that were refused; and of all answers, those of the least served worker."""

    used: float
    refused: float
    least: float


Policy = Callable[[Provider, str, Iterator[int]], Awaitable[int]]
"""One caller of a worker: makes calls until there are none left, and gives how many were answered."""


def main(calls: int) -> None:
    ours = ran(paced(Pacer(Limits(requests_per_minute=PER_MINUTE, max_in_flight=WORKERS * AT_ONCE))), calls)
    blind = ran(paced(Pacer(Limits(max_in_flight=WORKERS * AT_ONCE))), calls)
    peer = ran(pausing(), calls)
    say("pacing_allowed_used", ours.used, floor=FLOOR_USED, peer=peer.used)
    say("pacing_refused", ours.refused, ceiling=CEILING_REFUSED, peer=peer.refused)
    say("pacing_least_served_worker", ours.least * WORKERS, floor=0.9, peer=peer.least * WORKERS)
    say("pacing_allowed_used_limit_unknown", blind.used, floor=0.85, peer=peer.used)
    say("pacing_refused_limit_unknown", blind.refused, ceiling=0.02, peer=peer.refused)


def ran(policy: Policy, calls: int) -> Ran:
    """What comes of `calls` by all workers."""

    async def work() -> Ran:
        provider, left = Provider(PER_MINUTE, burst=BURST, latency_s=LATENCY_S), iter(range(calls))
        callers = [policy(provider, f"worker-{number % WORKERS}", left) for number in range(WORKERS * AT_ONCE)]
        answered = await asyncio.gather(*callers)
        assert provider.taken_at
        minutes = (provider.taken_at[1] - provider.taken_at[0]) / 60
        by_worker = [sum(answered[number::WORKERS]) for number in range(WORKERS)]
        return Ran(
            used=(calls - 1) / minutes / PER_MINUTE,
            refused=provider.refused / (provider.answered + provider.refused),
            least=min(by_worker) / sum(by_worker),
        )

    return run(work())


def paced(pacer: Pacer) -> Policy:
    """Permits of one pacer, as workers get them over a wire; a refused call is made again with a permit of its own."""

    async def caller(provider: Provider, worker: str, left: Iterator[int]) -> int:
        answered = 0
        for _ in left:
            while not isinstance(await one(provider, worker), Answered):
                pass
            answered += 1
        return answered

    async def one(provider: Provider, worker: str) -> Outcome:
        permit = await permitted(pacer, worker)
        outcome = await provider.ask()
        await asyncio.sleep(WIRE_S)
        pacer.settle(permit.id, outcome, now())
        return outcome

    return caller


async def permitted(pacer: Pacer, worker: str) -> Permit:
    while True:
        await asyncio.sleep(WIRE_S)
        told = pacer.permit(worker, 2 * (TOKENS.input_tokens + TOKENS.output_tokens), now())
        await asyncio.sleep(told.wait_s)
        if isinstance(told, Permit):
            return told


def pausing() -> Policy:
    """No pacing, and a pause of all workers at a refusal."""
    paused_until = 0.0

    async def caller(provider: Provider, worker: str, left: Iterator[int]) -> int:
        nonlocal paused_until
        del worker
        answered = 0
        for _ in left:
            while not isinstance(await one(provider), Answered):
                paused_until = now() + PAUSE_S
            answered += 1
        return answered

    async def one(provider: Provider) -> Outcome:
        await asyncio.sleep(max(0.0, paused_until - now()))
        return await provider.ask()

    return caller


def now() -> float:
    return asyncio.get_running_loop().time()


def say(metric: str, value: float, *, peer: float, **bounds: float) -> None:
    print(json.dumps({"metric": metric, "value": round(value, 4), "unit": "share", **bounds, "peer": round(peer, 4)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS)
