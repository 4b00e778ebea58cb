"""How long the slowest calls take with second calls and without, and how many second calls that takes, in simulated time.

The clock is simulated (`virtual_time.py`); the trigger and the race are the lanes' own code. Two servers answer in about 0.15 s, 3 % of
the answers take 3 s, and 8 calls are made at once: what a shared GPU does when another's load comes and goes. The 99th percentile is
told against that without second calls, in the same world.

    python -m tests.bench.reasoning.hedging [calls]
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from statistics import quantiles

from tandem_reasoning.lanes.hedging import Hedging, Place
from tandem_reasoning.lanes.outcome import Answered
from tandem_reasoning.lanes.race import Ask, raced
from tandem_reasoning.lanes.standing import Phase

from tests.bench.reasoning.provider import Provider
from tests.bench.reasoning.virtual_time import run

CALLS = 6_000
AT_ONCE = 8
ROOM = 8  # of each server
LATENCY_S = 0.15
STRAGGLERS = 0.03
STRAGGLE_S = 3.0
FLOOR_SHORTER = 0.65
CEILING_EXTRA = 0.05

Trigger = Callable[[], float | None]
"""After how long a call is made again; None for never."""


def main(calls: int) -> None:
    hedging = Hedging()
    took = slowest(hedging, calls, lambda: hedging.after_s("local", "critic"))
    without = slowest(Hedging(), calls, lambda: None)
    say("hedging_p99_shorter", 1 - took / without, floor=FLOOR_SHORTER)
    say("hedging_extra_calls", hedging.second_calls / calls, ceiling=CEILING_EXTRA)


def slowest(hedging: Hedging, calls: int, trigger: Trigger) -> float:
    """The 99th percentile of the seconds that a call takes."""

    async def work() -> float:
        servers = [
            Provider(1e6, burst=1e6, latency_s=LATENCY_S, seed=seed, stragglers=STRAGGLERS, straggle_s=STRAGGLE_S) for seed in (1, 2)
        ]
        busy, took, left = [0, 0], list[float](), iter(range(calls))

        def place(at: int) -> Place:
            return Place(lane="local", url=str(at), phase=Phase.READY, idle=ROOM - busy[at], cost_nano=0)

        def asking(at: int) -> Ask:
            async def ask() -> Answered:
                busy[at] += 1
                try:
                    answer = await servers[at].ask()
                finally:
                    busy[at] -= 1
                assert isinstance(answer, Answered)
                return answer

            return ask

        async def caller(left: Iterator[int]) -> None:
            for _ in left:
                begin, first = now(), min((0, 1), key=lambda at: busy[at])
                hedging.began()

                async def again(first: int = first) -> Ask | None:
                    chosen = hedging.second(place(first), [place(1 - first)])
                    return None if chosen is None else asking(int(chosen.url))

                await raced(asking(first), after_s=trigger(), again=again)
                took.append(now() - begin)
                hedging.took("local", "critic", took[-1])

        await asyncio.gather(*(caller(left) for _ in range(AT_ONCE)))
        return quantiles(took, n=100)[-1]

    return run(work())


def now() -> float:
    return asyncio.get_running_loop().time()


def say(metric: str, value: float, **bounds: float) -> None:
    ratio = round(value / next(iter(bounds.values())), 3)
    print(json.dumps({"metric": metric, "value": round(value, 4), "unit": "share", **bounds, "ratio": ratio}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CALLS)
