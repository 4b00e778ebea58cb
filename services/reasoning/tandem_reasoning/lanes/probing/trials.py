"""What each trial asks, and what its answer shows. None is believed for a 200: what came back is looked at."""

import json
from typing import Any, cast

from tandem_reasoning.lanes.asking.response import first_choice
from tandem_reasoning.lanes.outcome import Answered, Failed, Trouble
from tandem_reasoning.lanes.probing.findings import Honoured
from tandem_reasoning.lanes.probing.inquiry import Heard, Inquiry

OPEN = "name three things, whatever comes to your mind"
"""A question that has many answers."""
_SHORT = "say yes"
_PLAIN = "say hello; no JSON, please"  # some servers want the word in the prompt before they take JSON mode
_HOT = 1.5  # above what runs use: who does not vary here varies nowhere
_SAMPLES = 6  # a model that is 90 % sure of a whole answer says the same six times in a row in half of all probes; of 24 tokens none is
_NO_MODEL = "tandem-asks-whether-names-are-checked"


async def health(inquiry: Inquiry) -> bool | None:
    """What /health beside /v1 says; None where there is no such page."""
    page = await inquiry.get(f"{inquiry.url.removesuffix('/v1')}/health")
    if isinstance(page, Failed) or page.status in (404, 405):
        return None
    return page.status < 400  # noqa: PLR2004  # as RFC 9110 has it


async def listed(inquiry: Inquiry) -> tuple[str, ...] | None:
    """Names that /models lists; None if it is an error or no list."""
    page = await inquiry.get(f"{inquiry.url}/models")
    if isinstance(page, Failed) or page.status >= 400:  # noqa: PLR2004
        return None
    try:
        models = cast("dict[str, Any]", json.loads(page.body))["data"]
        return tuple(str(model["id"]) for model in models)
    except (ValueError, KeyError, TypeError):
        return None


async def model_checked(inquiry: Inquiry) -> bool | None:
    """Whether a name that nobody has is refused."""
    heard = await inquiry.ask(_SHORT, model=_NO_MODEL, tokens=1)
    if isinstance(heard.outcome, Answered):
        return False
    return True if heard.outcome.trouble is Trouble.BAD_REQUEST else None


async def zero_repeats(inquiry: Inquiry, first: Heard) -> bool | None:
    """Whether temperature 0 gives what it gave before."""
    return _same(first, await inquiry.ask(OPEN))


async def temperature_varies(inquiry: Inquiry) -> bool | None:
    """Whether a high temperature gives more than one answer; None if a call fails or says nothing."""
    said: set[str] = set()
    for _ in range(_SAMPLES):
        words = _words(await inquiry.ask(OPEN, temperature=_HOT))
        if words is None:
            return None
        said.add(words)
        if len(said) > 1:
            return True
    return False if said != {""} else None


async def end_counted(inquiry: Inquiry, first: Heard) -> bool | None:
    """Whether the end of an answer is counted as a token.

    An answer that ended by itself is asked for again with one token less than it took: if it is whole even so, that token was the end.
    """
    whole, question = first, OPEN
    if first.answered is None or first.answered.finish != "stop":
        whole, question = await inquiry.ask(_SHORT), _SHORT
    answer = whole.answered
    if answer is None or not answer.usage_told or answer.finish != "stop" or answer.usage.output_tokens < 2:  # noqa: PLR2004
        return None
    return _same(whole, await inquiry.ask(question, tokens=answer.usage.output_tokens - 1))


async def several(inquiry: Inquiry) -> Honoured:
    """What becomes of `n`."""
    heard = await inquiry.ask(_SHORT, n=2, temperature=_HOT)
    return _honoured(heard, len(_whole(heard).get("choices") or ()) == 2)  # noqa: PLR2004


async def logprobs(inquiry: Inquiry) -> Honoured:
    """What becomes of `logprobs`."""
    heard = await inquiry.ask(_SHORT, logprobs=True)
    return _honoured(heard, bool((first_choice(_whole(heard)) or {}).get("logprobs")))


async def json_mode(inquiry: Inquiry, first: Heard) -> Honoured:
    """What becomes of `response_format`: asked for none, a server that knows it gives an object all the same."""
    heard = await inquiry.ask(_PLAIN, response_format={"type": "json_object"})
    if (_words(first) or "").lstrip().startswith("{"):
        return Honoured.UNKNOWN  # it writes objects by itself
    return _honoured(heard, (_words(heard) or "").lstrip().startswith("{"))


async def stream(inquiry: Inquiry) -> Honoured:
    """What becomes of `stream`."""
    heard = await inquiry.ask(OPEN, stream=True)
    return _honoured(heard, heard.reply is not None and heard.reply.headers.get("content-type", "").startswith("text/event-stream"))


def _honoured(heard: Heard, seen: bool) -> Honoured:  # noqa: FBT001
    if isinstance(heard.outcome, Failed):
        return Honoured.REFUSED if heard.outcome.trouble is Trouble.BAD_REQUEST else Honoured.UNKNOWN
    return Honoured.YES if seen else Honoured.IGNORED


def _whole(heard: Heard) -> dict[str, Any]:
    if heard.answered is None or heard.reply is None:
        return {}
    return cast("dict[str, Any]", json.loads(heard.reply.body))


def _words(heard: Heard) -> str | None:
    """What was said and what was thought before it: some say nothing within a few tokens. None for no answer."""
    if heard.answered is None:
        return None
    message = cast("dict[str, Any]", (first_choice(_whole(heard)) or {}).get("message") or {})
    return heard.answered.text + str(message.get("reasoning_content") or message.get("reasoning") or "")


def _same(one: Heard, other: Heard) -> bool | None:
    words = (_words(one), _words(other))
    return None if None in words or words == ("", "") else words[0] == words[1]
