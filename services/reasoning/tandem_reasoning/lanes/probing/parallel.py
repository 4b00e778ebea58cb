"""Decides how many calls at once a server gets anything out of: twice as many are tried until that brings no more."""

import asyncio
from dataclasses import dataclass

from tandem_reasoning.lanes.probing.inquiry import Inquiry

GAIN = 1.2
"""Twice as many at once must bring so much more: one and the same load differs by less, on a machine that does other things too."""
_ROUNDS = 3  # of each: one would measure when the last one ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """What a server gets done with so many calls at once."""

    at_once: int
    calls_per_s: float
    tokens_per_s: float


async def throughput(inquiry: Inquiry, most_at_once: int) -> Throughput | None:
    """The best, found with 1, 2, 4 and so on at once; None if even one call alone fails."""
    best: Throughput | None = None
    at_once = 1
    while at_once <= most_at_once:
        found = await _measured(inquiry, at_once)
        if found is None or (best is not None and found.calls_per_s < GAIN * best.calls_per_s):
            break
        best, at_once = found, 2 * at_once
    return best


async def _measured(inquiry: Inquiry, at_once: int) -> Throughput | None:
    """None if a call fails: then it is too many."""
    clock = asyncio.get_running_loop().time
    begin = clock()
    lines = await asyncio.gather(*(_line(inquiry, f"{at_once}.{number}") for number in range(at_once)))
    seconds = max(clock() - begin, 1e-6)
    if None in lines:
        return None
    tokens = sum(line for line in lines if line is not None)
    return Throughput(at_once=at_once, calls_per_s=at_once * _ROUNDS / seconds, tokens_per_s=tokens / seconds)


async def _line(inquiry: Inquiry, number: str) -> int | None:
    """Tokens of some calls, one after the other; all different, so that none is answered from what is kept."""
    tokens = 0
    for turn in range(_ROUNDS):
        heard = await inquiry.ask(f"say something about the number {number}.{turn}")
        if heard.answered is None:
            return None
        tokens += heard.answered.usage.output_tokens
    return tokens
