"""The real server behind a provider: what is asked of it so that a claim is kept or broken, and what its answers say of tokens.

No answer is ever invented here. Where the provider claims what the server cannot do, such as several choices, it is asked several times.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession
from tandem_reasoning.values import Usage

from tests.services.reasoning.faults.faults import Quirk

Body = dict[str, Any]


def forwarded(body: Mapping[str, Any], quirks: frozenset[Quirk]) -> Body:
    """What the server is asked, of one choice."""
    told = {name: value for name, value in body.items() if name != "n"}
    if Quirk.SAME_TEMPERATURE in quirks:
        told["temperature"] = 0
    if Quirk.NO_JSON_MODE in quirks:
        told.pop("response_format", None)
    return told


def choices(body: Mapping[str, Any], quirks: frozenset[Quirk]) -> int:
    """How many answers are given."""
    wanted = body.get("n")
    several = isinstance(wanted, int) and Quirk.ONE_CHOICE not in quirks and not body.get("stream")
    return max(1, int(wanted)) if several and wanted is not None else 1


async def asked(session: ClientSession, address: str, body: Body, times: int) -> tuple[int, str, bytes]:
    """Status, content type and body of the server's answer; of several, as one with as many choices."""
    answers = await asyncio.gather(*(_asked(session, address, body) for _ in range(times)))
    refused = next((answer for answer in answers if answer[0] != 200), None)
    if refused or times == 1:
        return refused or answers[0]
    return 200, "application/json", json.dumps(_merged([json.loads(content) for _, _, content in answers])).encode()


async def _asked(session: ClientSession, address: str, body: Body) -> tuple[int, str, bytes]:
    async with session.post(address, json=body) as answer:
        return answer.status, answer.content_type, await answer.read()


def _merged(answers: list[Body]) -> Body:
    whole = answers[0] | {"choices": [each["choices"][0] | {"index": index} for index, each in enumerate(answers)]}
    written = sum(int(each["usage"]["completion_tokens"]) for each in answers)
    read = int(answers[0]["usage"]["prompt_tokens"])
    return whole | {"usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}}


def used(content_type: str, content: bytes) -> Usage:
    """Tokens of an answer; of a stream that does not tell, one for each piece."""
    if content_type != "text/event-stream":
        return _usage(json.loads(content).get("usage") or {})
    events = [json.loads(line[6:]) for line in content.splitlines() if line.startswith(b"data: {")]
    told = [event["usage"] for event in events if event.get("usage")]
    return _usage(told[-1]) if told else Usage(input_tokens=0, output_tokens=len(events))


def _usage(told: Mapping[str, Any]) -> Usage:
    return Usage(input_tokens=int(told.get("prompt_tokens", 0)), output_tokens=int(told.get("completion_tokens", 0)))


def shown(content_type: str, content: bytes, quirks: frozenset[Quirk]) -> bytes:
    """What the caller sees of the answer."""
    if Quirk.NO_USAGE not in quirks or content_type == "text/event-stream":
        return content
    answer = json.loads(content)
    answer.pop("usage", None)
    return json.dumps(answer).encode()
