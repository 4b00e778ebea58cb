"""Finds out at the start what a server does with what it is asked, before a run relies on it.

A probe is some 20 to 80 short calls. They cost money as all calls do, so `most_tokens` says beforehand what they can take and the findings
say what they took. What was found is kept under `cache_key`, and holds as long as the server's address and the model do.
"""

import hashlib

from tandem_reasoning.lanes.outcome import Failed
from tandem_reasoning.lanes.probing import trials
from tandem_reasoning.lanes.probing.findings import VERSION, Findings
from tandem_reasoning.lanes.probing.inquiry import ASKED, TOKENS, BeyondError, Client, Inquiry
from tandem_reasoning.lanes.probing.parallel import throughput
from tandem_reasoning.values import Usage

MOST_AT_ONCE = 8
"""More at once are not tried: by then a local server is full, and a cloud is limited by its rate."""
DEADLINE_S = 60.0
"""For each call: a server may load its model at the first."""


def cache_key(url: str, model: str) -> str:
    """Where findings about a server and model are kept."""
    return hashlib.sha256(f"{VERSION}\n{url.rstrip('/')}\n{model}".encode()).hexdigest()


def most_tokens(most_at_once: int = MOST_AT_ONCE) -> Usage:
    """The most that a probe can take, to be reserved before it."""
    calls = _TRIALS + 3 * (2 * most_at_once - 1)
    return Usage(input_tokens=ASKED * calls, output_tokens=TOKENS * (calls + 1))  # one asks for two answers


async def probe(client: Client, url: str, model: str, *, deadline_s: float = DEADLINE_S, most_at_once: int = MOST_AT_ONCE) -> Findings:
    """What is found out about a server.

    Args:
        client: Speaks to it.
        url: Its base address, up to and including /v1.
        model: What it is to be asked for.
        deadline_s: For each call.
        most_at_once: Calls at once that are tried at most; the lane's own bound, if that is lower.
    """
    inquiry = Inquiry(client, url, model, deadline_s=deadline_s, most=most_tokens(most_at_once))
    try:
        return await _found(inquiry, most_at_once)
    except BeyondError as error:
        return Findings(url=url, model=model, beyond=error.times, calls=inquiry.calls, usage=inquiry.usage)


async def _found(inquiry: Inquiry, most_at_once: int) -> Findings:
    url, model = inquiry.url, inquiry.model
    first = await inquiry.ask(trials.OPEN)
    if isinstance(first.outcome, Failed):
        return Findings(
            url=url, model=model, trouble=first.outcome.trouble, problem=first.outcome.problem, calls=inquiry.calls, usage=inquiry.usage
        )
    repeats = await trials.zero_repeats(inquiry, first)
    best = await throughput(inquiry, most_at_once)
    return Findings(
        url=url,
        model=model,
        healthy=await trials.health(inquiry),
        listed=await trials.listed(inquiry),
        model_checked=await trials.model_checked(inquiry),
        usage_told=first.outcome.usage_told,
        end_counted=await trials.end_counted(inquiry, first) if repeats else None,
        zero_repeats=repeats,
        temperature_varies=await trials.temperature_varies(inquiry),
        several=await trials.several(inquiry),
        logprobs=await trials.logprobs(inquiry),
        json_mode=await trials.json_mode(inquiry, first),
        stream=await trials.stream(inquiry),
        parallel=best.at_once if best and most_at_once > 1 else None,
        calls_per_s=best and best.calls_per_s,
        tokens_per_s=best and best.tokens_per_s,
        calls=inquiry.calls,
        usage=inquiry.usage,
    )


_TRIALS = 16  # calls besides those of the throughput, at most
