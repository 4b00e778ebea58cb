"""What came of asking a lane: an answer, or one of the ways in which there is none. Values only.

The ways are told apart by what has to happen next, not by status: who waits, who pays, whether a person is needed and whether the same
question may be put to the other lane.
"""

from dataclasses import dataclass
from enum import StrEnum

from tandem_reasoning.values import Usage


class Trouble(StrEnum):
    """Why there is no answer."""

    THROTTLED = "Throttled"
    EXHAUSTED = "Exhausted"
    UNAUTHORIZED = "Unauthorized"
    TOO_LONG = "TooLong"
    BAD_REQUEST = "BadRequest"
    SERVER_ERROR = "ServerError"
    UNREACHABLE = "Unreachable"
    TIMEOUT = "Timeout"
    CUT = "Cut"
    MALFORMED = "Malformed"

    @property
    def perhaps_paid(self) -> bool:
        """Whether the lane may have worked, and may want its money, though nothing of use came back."""
        return self in _PERHAPS_PAID

    @property
    def of_the_item(self) -> bool:
        """Whether the question itself is at fault: asked again here it fails again, and the lane is as well as before."""
        return self is Trouble.TOO_LONG

    @property
    def of_the_server(self) -> bool:
        """Whether it speaks against the server, so that many of them together mean that it is broken."""
        return self in _OF_THE_SERVER


_PERHAPS_PAID = (Trouble.TIMEOUT, Trouble.CUT, Trouble.MALFORMED)
_OF_THE_SERVER = (
    Trouble.BAD_REQUEST,  # one of them is the item's; when half of all calls are refused, it is the model's name or the server
    Trouble.SERVER_ERROR,
    Trouble.UNREACHABLE,
    Trouble.TIMEOUT,
    Trouble.CUT,
    Trouble.MALFORMED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a lane said of its own limits beside an answer or a refusal; None where it said nothing.

    How long the window of a limit is, is not said: a minute with most, a day with some. So `left` is used and limits are not.

    Attributes:
        requests_left: Requests that it still takes in its window.
        requests_reset_s: Until that is as it was in the beginning, seconds.
        tokens_left: Tokens that it still takes.
        tokens_reset_s: Until those are as they were.
    """

    requests_left: int | None = None
    requests_reset_s: float | None = None
    tokens_left: int | None = None
    tokens_reset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer.

    Attributes:
        text: What the model said; empty when all it was allowed to write went into thinking.
        usage: Tokens as the lane counts them.
        usage_told: False when the lane counted nothing, and `usage` is the most that it can have been.
        finish: Why it stopped: "stop", or "length" when it was cut by max_tokens; empty when the lane does not say.
        seconds: From sending to the whole answer.
        allowance: What it said of its limits.
    """

    text: str
    usage: Usage
    usage_told: bool = True
    finish: str = ""
    seconds: float = 0.0
    allowance: Allowance = Allowance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """No answer.

    Attributes:
        trouble: Which way it went wrong.
        problem: What the server said, or what we saw, in one short line; never holds a key.
        status: Of HTTP; None when there was none.
        after_s: How long the server wants to be left alone; None when it did not say.
        seconds: From sending until it was known.
        allowance: What it said of its limits.
    """

    trouble: Trouble
    problem: str
    status: int | None = None
    after_s: float | None = None
    seconds: float = 0.0
    allowance: Allowance = Allowance()


Outcome = Answered | Failed
"""What came of a call."""
