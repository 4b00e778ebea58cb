"""What a provider of language models may do to its callers, as settings; and which of it meets a call, as a pure function.

Chance depends on the seed, on what is asked and on how often it was asked before, never on the order in which calls arrive: the same
run meets the same troubles however it is interleaved.
"""

import hashlib
import random
from dataclasses import dataclass, field
from enum import StrEnum

from tandem_reasoning.values import Price


class Quirk(StrEnum):
    """Ways in which servers differ from the interface that they claim."""

    NO_USAGE = "answers do not say how many tokens they took"
    SAME_TEMPERATURE = "temperature is ignored: always the likeliest answer"
    ONE_CHOICE = "`n` is ignored: always one choice"
    NO_JSON_MODE = "`response_format` is ignored"
    BROKEN_MODELS = "listing the models is an error"
    EMPTY_MODELS = "the list of models is empty"
    SERIAL = "one request at a time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How a provider behaves; by default it has no faults.

    Attributes:
        seed: Of chance.
        key: The right API key; None takes any.
        requests_per_minute: Limit, None for none; `burst_s` seconds of it may be used at once.
        tokens_per_minute: Limit on tokens read and written, likewise.
        burst_s: Size of both buckets, in seconds of their rate.
        credit_nano: Nano-dollars that may be spent; once they are, 402.
        price: What tokens cost; hours cost nothing here.
        errors: Share of calls that end with 500 or 503 before anything is computed, 0 to 1.
        stalls: Share of calls that take `stall_s` longer.
        stall_s: Seconds that a stall lasts.
        cuts: Share of answers that break off in the middle; they are paid.
        latency_s: Seconds that each call takes besides the model's own, in the median.
        warm_up_s: Seconds after its start in which it says 503.
        quirks: How it differs from what it claims.
    """

    seed: int = 0
    key: str | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    burst_s: float = 5.0
    credit_nano: int | None = None
    price: Price = field(default_factory=Price)
    errors: float = 0.0
    stalls: float = 0.0
    stall_s: float = 3.0
    cuts: float = 0.0
    latency_s: float = 0.0
    warm_up_s: float = 0.0
    quirks: frozenset[Quirk] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What meets one call: an error's status or None, seconds that it waits, and the share of the answer that arrives."""

    error: int | None
    wait_s: float
    arrives: float


_JITTER = 0.3  # sigma of the logarithm of latency, as was measured at real providers' medians (p95 is 1.6 times the median)


def fate(faults: Faults, body: bytes, time: int) -> Fate:
    """What meets the call with this body, asked for the `time`-th time, from 0."""
    rng = random.Random(f"{faults.seed} {hashlib.sha256(body).hexdigest()} {time}")
    error = rng.choice((500, 503)) if rng.random() < faults.errors else None
    stall_s = faults.stall_s if rng.random() < faults.stalls else 0.0
    arrives = rng.uniform(0.1, 0.9) if rng.random() < faults.cuts else 1.0
    return Fate(error=error, wait_s=stall_s + faults.latency_s * rng.lognormvariate(0, _JITTER), arrives=arrives)
