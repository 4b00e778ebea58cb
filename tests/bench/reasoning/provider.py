"""A provider in simulated time: a token bucket, 429 with Retry-After, latencies with stragglers. It says nothing; no model is meant.

As the rate limits of providers are written down: a bucket of requests that fills evenly; what finds it empty is refused at once.
"""

import asyncio
import random

from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.values import Usage

TOKENS = Usage(input_tokens=300, output_tokens=100)


class Provider:
    """One account.

    Args:
        per_minute: Requests a minute that it allows.
        burst: As many at once.
        latency_s: Median of the time that an answer takes.
        seed: Of latencies.
        stragglers: Share of answers that take `straggle_s` instead.
        straggle_s: How long.

    Attributes:
        answered: How many it answered.
        refused: How many it refused.
        taken_at: When it took on the first and the last call that it did not refuse.
    """

    def __init__(
        self, per_minute: float, *, burst: float, latency_s: float, seed: int = 1, stragglers: float = 0.0, straggle_s: float = 3.0
    ) -> None:
        self._per_s, self._burst, self._latency_s = per_minute / 60, burst, latency_s
        self._stragglers, self._straggle_s = stragglers, straggle_s
        self._level, self._at, self._random = burst, 0.0, random.Random(seed)
        self.answered = self.refused = 0
        self.taken_at: tuple[float, float] | None = None

    async def ask(self) -> Outcome:
        """A call, from sending to the whole answer; what was sent takes its time on the way, and not always the same."""
        await asyncio.sleep(self._random.uniform(0.005, 0.05))
        now = asyncio.get_running_loop().time()
        self._level = min(self._burst, self._level + (now - self._at) * self._per_s)
        self._at = now
        if self._level < 1:
            self.refused += 1
            return Failed(trouble=Trouble.THROTTLED, problem="slow down", status=429, after_s=(1 - self._level) / self._per_s)
        self._level -= 1
        self.taken_at = (now if self.taken_at is None else self.taken_at[0], now)
        seconds = self._seconds()
        await asyncio.sleep(seconds)
        self.answered += 1
        return Answered(text="", usage=TOKENS, seconds=seconds)

    def _seconds(self) -> float:
        if self._random.random() < self._stragglers:
            return self._straggle_s
        return self._latency_s * self._random.lognormvariate(0, 0.3)
