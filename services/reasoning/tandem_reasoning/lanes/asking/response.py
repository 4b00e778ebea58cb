"""Decides what an HTTP response of an OpenAI-compatible server means. Pure.

The status alone does not say it. 429 is a limit of the minute or an empty purse; 403 a wrong key or the same purse; a prompt that is too
long comes as 400, 413 or 500, or as 200 with an error inside. So the words are read, too: each line of `_WORDS` was seen somewhere.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from tandem_reasoning.lanes.asking import headers as told
from tandem_reasoning.lanes.asking.events import assembled
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome, Trouble
from tandem_reasoning.thinking import tokens
from tandem_reasoning.values import Prompt, Usage

_WORDS = {
    Trouble.EXHAUSTED: re.compile(
        r"insufficient[_ ](quota|balance|credits?|funds)|(out of|not enough|no) (credits?|funds|balance)"
        r"|(usage|spend|spending|billing|credit|budget)[_ ]?(hard[_ ])?limit|current quota|credit balance|payment required",
    ),
    Trouble.TOO_LONG: re.compile(
        r"context[_ ](length|window|size)|maximum context|context the overflows|exceed_context_size|prompt is too long|too many tokens"
        r"|input is too long|longer than the maximum|request too large",
    ),
}
_SHORT = 300  # characters of what a server says that are kept: a line of a log or a condition, not a page of HTML


def read(status: int, headers: Mapping[str, str], body: bytes, *, prompt: Prompt, wall_s: float) -> Outcome:
    """What a whole response means.

    Args:
        status: Of HTTP.
        headers: Names in lower case.
        body: All of it.
        prompt: What was asked: from its size usage is reckoned where the server counts nothing.
        wall_s: Now, in seconds since 1970.
    """
    answer = assembled(body) if headers.get("content-type", "").startswith("text/event-stream") else _json(body)
    if _HTTP_OK <= status < _HTTP_REDIRECTS and not _refusal_inside(answer):
        return _answered(answer, headers, prompt, wall_s)
    return _refused(status, answer, body, headers, wall_s)


def most_usage(prompt: Prompt, text: str | None = None) -> Usage:
    """The most tokens that a prompt, and an answer to it, can be: no byte-level vocabulary makes more tokens than there are bytes.

    Args:
        prompt: What is asked.
        text: What was answered; None before that, when it may be all of max_tokens.
    """
    said = prompt.max_tokens if text is None else min(prompt.max_tokens, len(text.encode()) + 1)  # and the end
    return Usage(input_tokens=tokens.at_most(prompt), output_tokens=said)


Said = TypeVar("Said", str, str | None)
_HTTP_OK, _HTTP_REDIRECTS, _HTTP_ERRORS = 200, 300, 400
_BY_STATUS = {
    401: Trouble.UNAUTHORIZED,
    402: Trouble.EXHAUSTED,
    403: Trouble.UNAUTHORIZED,
    408: Trouble.TIMEOUT,
    413: Trouble.TOO_LONG,
    429: Trouble.THROTTLED,
    504: Trouble.TIMEOUT,
    524: Trouble.TIMEOUT,  # a proxy that waits no longer for the server behind it
}
_MAY_BE_EXHAUSTED = (400, 403, 429)
_MAY_BE_TOO_LONG = (400, 422, 500)  # llama.cpp had 500 for it
_BUSY = (503, 529)


def _answered(answer: dict[str, Any] | None, headers: Mapping[str, str], prompt: Prompt, wall_s: float) -> Outcome:
    left = told.allowance(headers, wall_s=wall_s)
    if answer is None:
        return Failed(trouble=Trouble.MALFORMED, problem="the answer is no JSON object", status=_HTTP_OK, allowance=left)
    choice = first_choice(answer)
    text = _sendable(_text(choice.get("message"))) if choice else None
    if choice is None or text is None:
        return Failed(trouble=Trouble.MALFORMED, problem="the answer holds no message", status=_HTTP_OK, allowance=left)
    if answer.get(_UNFINISHED):
        return Failed(trouble=Trouble.CUT, problem="the stream ended before the answer did", status=_HTTP_OK, allowance=left)
    usage = _usage(answer.get("usage"))
    return Answered(
        text=text,
        usage=usage or most_usage(prompt, text),
        usage_told=usage is not None,
        finish=str(choice.get("finish_reason") or ""),
        allowance=left,
    )


def _refused(status: int, answer: dict[str, Any] | None, body: bytes, headers: Mapping[str, str], wall_s: float) -> Failed:
    error = _error(answer)
    inside = error.get("code")
    if status < _HTTP_REDIRECTS:  # some say 200 and mean what stands inside
        status = inside if isinstance(inside, int) and inside >= _HTTP_ERRORS else status
    said = " ".join(str(error.get(part) or "") for part in ("message", "code", "type"))
    left = told.allowance(headers, wall_s=wall_s)
    after_s = told.after_s(headers, said, left, wall_s=wall_s)
    problem = str(error.get("message") or "") or _plain(body)
    if _HTTP_REDIRECTS <= status < _HTTP_ERRORS:
        problem = "it sends us to another address; give that one as the lane's url"
    return Failed(
        trouble=_trouble(status, said.lower(), after_s),
        problem=_sendable(" ".join(problem.split())[:_SHORT]) or f"status {status} without a word",
        status=status,
        after_s=after_s,
        allowance=left,
    )


def _trouble(status: int, said: str, after_s: float | None) -> Trouble:
    if status in _MAY_BE_EXHAUSTED and _WORDS[Trouble.EXHAUSTED].search(said) and not _passes(status, said, after_s):
        return Trouble.EXHAUSTED
    if status in _MAY_BE_TOO_LONG and _WORDS[Trouble.TOO_LONG].search(said):
        return Trouble.TOO_LONG
    if status in _BUSY and after_s is not None:
        return Trouble.THROTTLED
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status < _HTTP_REDIRECTS:
        return Trouble.MALFORMED
    return Trouble.SERVER_ERROR if status >= 500 else Trouble.BAD_REQUEST  # noqa: PLR2004  # as RFC 9110 has it


def _passes(status: int, said: str, after_s: float | None) -> bool:
    """Whether a refusal with words of money is a limit of the minute: some say "current quota" and when to come back."""
    return status == 429 and after_s is not None and "insufficient_quota" not in said  # noqa: PLR2004


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else None


def _refusal_inside(answer: dict[str, Any] | None) -> bool:
    return answer is not None and bool(answer.get("error")) and not answer.get("choices")


def _error(answer: dict[str, Any] | None) -> dict[str, Any]:
    """The error as an object: OpenAI nests it, vLLM did not, FastAPI calls it detail, LM Studio gives a string."""
    if answer is None:
        return {}
    error = answer.get("error") or answer.get("detail") or answer
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": str(error)}


def _plain(body: bytes) -> str:
    text = body[: 4 * _SHORT].decode(errors="replace")
    return "" if text.lstrip().startswith(("<", "{")) else text


def first_choice(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first choice of an answer; None when there is none."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    choice = cast("list[object]", choices)[0]
    return cast("dict[str, Any]", choice) if isinstance(choice, dict) else None


def _text(message: object) -> str | None:
    """What a message says; a model that thought until its tokens ran out has none, which is an empty answer and no broken one."""
    if not isinstance(message, dict):
        return None
    content = cast("dict[str, object]", message).get("content")
    if isinstance(content, list):  # in parts
        parts = [cast("dict[str, object]", part) for part in cast("list[object]", content) if isinstance(part, dict)]
        return "".join(str(part.get("text") or "") for part in parts)
    return content if isinstance(content, str) else "" if content is None else None


def _sendable(text: Said) -> Said:
    """The text, and question marks for halves of characters: JSON can say those, and nothing that it is sent on by can."""
    return text if text is None else cast("Said", text.encode("utf-8", "replace").decode())


def _usage(usage: object) -> Usage | None:
    """What the server counted; None unless both are there and can be true."""
    if not isinstance(usage, dict):
        return None
    counted = cast("dict[str, object]", usage)
    read_tokens, written = counted.get("prompt_tokens"), counted.get("completion_tokens")
    if not (_natural(read_tokens) and _natural(written)):
        return None
    return Usage(input_tokens=cast("int", read_tokens), output_tokens=cast("int", written))


def _natural(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


_UNFINISHED = "unfinished"
