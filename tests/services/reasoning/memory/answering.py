"""Servers that play the protocol and follow what is recalled to the letter, as a model would that believes all it reads."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from tests.services.reasoning.coordination import said
from tests.services.reasoning.lanes.wire_server import Act

Answer = Callable[[str, dict[str, Any]], Awaitable[Act]]
_TOLD = re.compile(r"\? (?P<answer>\w+)$", re.MULTILINE)


def recalled(body: dict[str, Any]) -> str:
    """What a prompt shows of the memory."""
    return "\n".join(each["content"] for each in body["messages"] if each["role"] == "system")


def following(otherwise: str) -> Answer:
    """Answers what the memory says; `otherwise` where it says nothing."""

    async def answer(path: str, body: dict[str, Any]) -> Act:
        del path
        told = _TOLD.search(recalled(body))
        return said(f"Answer: {told['answer'] if told else otherwise}")

    return answer
