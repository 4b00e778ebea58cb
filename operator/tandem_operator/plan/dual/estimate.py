"""What a DualRun may come to, before it is run: tokens, dollars and time, lane by lane, from a few of its questions.

What is reckoned is that every expert is asked in every round and says as much as it may, and that a lane answers all questions. An
adaptive vote asks far fewer. It is no bound: a token is taken for four characters, as for English text, and probes, calls that are made
again and hedges are left out. What bounds a run is its budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec, PriceSpec

_CHARACTERS_A_TOKEN = 4
_AROUND_TOKENS = 120  # what stands around question and role in a prompt; nothing where thinking is bare
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneEstimate:
    """About what a lane comes to if it answers every question.

    Attributes:
        name: Of the lane.
        usd: Dollars for the tokens; its hours come on top.
        usd_per_hour: Dollars an hour, used or not.
        least: How long it takes at the limits that the spec states; None where it states none.
        call_usd: What is set aside for a call before it is made: as if each byte that it reads were a token.
    """

    name: str
    usd: Decimal
    usd_per_hour: Decimal
    least: timedelta | None
    call_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """About what a run comes to if every expert is asked."""

    questions: int
    question_tokens: float
    calls: int
    input_tokens: int
    output_tokens: int
    lanes: tuple[LaneEstimate, ...]


def estimate(run: DualRun, sampled: Sequence[str], questions: int) -> Estimate:
    """The estimate for so many `questions`, of which some were `sampled`; at least one."""
    spec = run.spec
    question = sum(map(len, sampled)) / len(sampled) / _CHARACTERS_A_TOKEN
    rounds, experts, answer = spec.max_steps, len(spec.experts), spec.thinking.max_tokens
    around = 0 if spec.thinking.bare else _AROUND_TOKENS + sum(len(expert.role) for expert in spec.experts) / experts / _CHARACTERS_A_TOKEN
    calls = questions * rounds * experts
    earlier = questions * (rounds - 1) * experts * experts * answer  # each later round sees what all experts said in the one before
    read, written = round(calls * (question + around) + earlier), calls * answer
    set_aside = round((question + around) * _CHARACTERS_A_TOKEN), answer
    lanes = tuple(_lane(lane, calls, (read, written), set_aside) for lane in spec.lanes)
    return Estimate(questions=questions, question_tokens=question, calls=calls, input_tokens=read, output_tokens=written, lanes=lanes)


def most_call_usd(found: Estimate | None) -> Decimal:
    """The most that is set aside for a usual call, on whichever lane; 0 where that is not known."""
    return max((lane.call_usd for lane in found.lanes), default=Decimal(0)) if found else Decimal(0)


def reach(found: Estimate, left: Decimal) -> tuple[LaneEstimate, int] | None:
    """The lane that is the dearest, and for how many questions so much money reaches there; None where calls cost nothing."""
    dearest = max(found.lanes, key=lambda lane: lane.usd)
    if not dearest.usd:
        return None
    return dearest, min(found.questions, int(left * found.questions / dearest.usd))


def _lane(lane: LaneSpec, calls: int, tokens: tuple[int, int], set_aside: tuple[int, int]) -> LaneEstimate:
    """A lane that reads and writes so many `tokens`, and for each call of which so many are `set_aside`."""
    price, limits = lane.price or PriceSpec(), lane.limits
    minutes = [total / limit for total, limit in ((calls, limits.requests_per_minute), (sum(tokens), limits.tokens_per_minute)) if limit]
    return LaneEstimate(
        name=lane.name,
        usd=_usd(price, *tokens),
        usd_per_hour=price.usd_per_hour,
        least=timedelta(minutes=max(minutes)) if minutes else None,
        call_usd=_usd(price, *set_aside),
    )


def _usd(price: PriceSpec, read: int, written: int) -> Decimal:
    return (price.usd_per_million_input_tokens * read + price.usd_per_million_output_tokens * written) / _MILLION
