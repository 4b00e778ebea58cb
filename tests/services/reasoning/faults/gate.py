"""Whether a provider takes a call: key, credit, then limits. Pure; `now` is in seconds, from any beginning."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.services.reasoning.faults import refusal
from tests.services.reasoning.faults.bucket import Bucket
from tests.services.reasoning.faults.faults import Faults
from tests.services.reasoning.faults.refusal import Refusal

_BYTES_PER_TOKEN = 4  # by which providers estimate a prompt before they read it


@dataclass(slots=True)
class Gate:
    """The limits of one provider, and how much of them is used.

    Attributes:
        faults: Its settings.
        opened: Since when it is there.
    """

    faults: Faults
    opened: float
    requests: Bucket | None = field(init=False)
    tokens: Bucket | None = field(init=False)

    def __post_init__(self) -> None:
        self.requests = _bucket(self.faults.requests_per_minute, self.faults.burst_s)
        self.tokens = _bucket(self.faults.tokens_per_minute, self.faults.burst_s)

    def refuses(self, *, authorization: str, spent_nano: int, tokens: int, now: float) -> Refusal | None:
        """Why a call is not taken, None when it is; what it takes of the limits is taken then.

        Args:
            authorization: The header of this name.
            spent_nano: What was charged so far.
            tokens: What the call is estimated to take.
            now: The moment.
        """
        if now < self.opened + self.faults.warm_up_s:
            return refusal.LOADING
        if self.faults.key is not None and authorization != f"Bearer {self.faults.key}":
            return refusal.WRONG_KEY
        if self.faults.credit_nano is not None and spent_nano >= self.faults.credit_nano:
            return refusal.NO_CREDIT
        for bucket, amount, of in ((self.requests, 1, "requests"), (self.tokens, tokens, "tokens")):
            if bucket and (wait_s := bucket.wait_s(amount, now)) > 0:
                return refusal.too_fast(wait_s, of)
        self._take(1, tokens, now)
        return None

    def correct(self, *, estimated: int, used: int, now: float) -> None:
        """Tokens were estimated when the call was taken; this is what it really used."""
        self._take(0, used - estimated, now)

    def headers(self, now: float) -> Mapping[str, str]:
        """What is left, as OpenAI's headers say it."""
        told: dict[str, str] = {}
        for bucket, of in ((self.requests, "requests"), (self.tokens, "tokens")):
            if bucket:
                told[f"x-ratelimit-limit-{of}"] = f"{bucket.size:.0f}"
                told[f"x-ratelimit-remaining-{of}"] = str(max(0, int(bucket.level(now))))
                told[f"x-ratelimit-reset-{of}"] = f"{bucket.wait_s(bucket.size, now):.3f}s"
        return told

    def _take(self, requests: int, tokens: int, now: float) -> None:
        for bucket, amount in ((self.requests, requests), (self.tokens, tokens)):
            if bucket:
                bucket.take(amount, now)


def estimated_tokens(body: bytes, most_answered: int) -> int:
    """What a call may take, reckoned before it is computed."""
    return len(body) // _BYTES_PER_TOKEN + most_answered


def _bucket(per_minute: float | None, burst_s: float) -> Bucket | None:
    return None if per_minute is None else Bucket(per_minute, max(1.0, per_minute / 60 * burst_s))
