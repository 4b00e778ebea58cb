"""How a provider says no: statuses, headers and bodies as OpenAI's interface has them. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is none."""

    status: int
    kind: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def body(self) -> dict[str, object]:
        return {"error": {"message": self.message, "type": self.kind, "code": self.kind, "param": None}}


WRONG_KEY = Refusal(status=401, kind="invalid_api_key", message="Incorrect API key provided.")
NO_CREDIT = Refusal(status=402, kind="insufficient_quota", message="You have insufficient credits; add more to go on.")
LOADING = Refusal(status=503, kind="unavailable_error", message="Loading model")
BAD_BODY = Refusal(status=400, kind="invalid_request_error", message="The body is no JSON object with messages.")
UPSTREAM_GONE = Refusal(status=502, kind="bad_gateway", message="The model does not answer.")


def error(status: int) -> Refusal:
    """An error that has nothing to do with the request."""
    return Refusal(status=status, kind="server_error", message="The server had an error while processing your request. Sorry about that!")


def too_fast(wait_s: float, of: str) -> Refusal:
    """A limit of the minute; `of` says which."""
    headers = {"Retry-After": str(math.ceil(wait_s)), "retry-after-ms": str(math.ceil(wait_s * 1000))}
    message = f"Rate limit reached for {of} per min. Please try again in {math.ceil(wait_s * 1000)}ms."
    return Refusal(status=429, kind="rate_limit_exceeded", message=message, headers=headers)
