"""A server that honours or ignores each part of a request, as it is told. Its words are drawn from a hash: no model is meant by them."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

from tests.services.reasoning.lanes.wire_server import Act

WORDS = ("one", "two", "red", "blue", "sea", "sky", "tree", "bird")
_MEASURED = "say something about the number"
LENGTH = 5  # words of a whole answer, each a token


@dataclass(kw_only=True)
class Quirky:
    """What it does with what it is asked.

    Attributes:
        honours: Parts of requests that it knows: temperature, n, logprobs, response_format, stream.
        names: Models it takes; None is for all.
        lists: Models it says it has; None is an error.
        usage: Whether it counts tokens.
        counts_end: Whether the end is one.
        repeats: Whether temperature 0 repeats.
        slots: Calls at once that it works on; the others wait.
        call_s: How long each takes of those by which it is found out how many at once it gets done.
        silent: Whether all it has goes into thinking.
        bills: How many times as many tokens as there are it tells.
    """

    honours: frozenset[str] = frozenset({"temperature", "n", "logprobs", "response_format", "stream"})
    names: tuple[str, ...] | None = ("small",)
    lists: tuple[str, ...] | None = ("small",)
    usage: bool = True
    counts_end: bool = False
    repeats: bool = True
    slots: int = 100
    call_s: float = 0.0
    silent: bool = False
    bills: int = 1
    busy: asyncio.Semaphore = field(init=False)
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.busy = asyncio.Semaphore(self.slots)

    async def answer(self, path: str, body: dict[str, Any]) -> Act:
        if path == "/health":
            return Act(body=b'{"status": "ok"}')
        if path == "/v1/models":
            models = {"data": [{"id": name} for name in self.lists or ()]}
            return Act(status=500) if self.lists is None else Act(body=json.dumps(models).encode())
        if self.names is not None and body["model"] not in self.names:
            return Act(status=400, body=json.dumps({"detail": f"Server is pinned to {self.names[0]!r}"}).encode())
        async with self.busy:
            await asyncio.sleep(self.call_s if _MEASURED in json.dumps(body) else 0)
        return self._chat(body)

    def _chat(self, body: dict[str, Any]) -> Act:
        count = body.get("n", 1) if "n" in self.honours else 1
        choices = [self._choice(body) for _ in range(count)]
        whole: dict[str, Any] = {"choices": choices}
        if self.usage:
            written = sum(choice.pop("tokens") for choice in choices)
            whole["usage"] = {"prompt_tokens": 10 * self.bills, "completion_tokens": written * self.bills}
        if body.get("stream") and "stream" in self.honours:
            return self._streamed(whole)
        return Act(body=json.dumps(whole).encode())

    def _choice(self, body: dict[str, Any]) -> dict[str, Any]:
        hot = body["temperature"] > 0 and "temperature" in self.honours
        drawn = self.chance if hot or not self.repeats else random.Random(body["messages"][0]["content"])
        words = [drawn.choice(WORDS) for _ in range(LENGTH)]
        if body.get("response_format") and "response_format" in self.honours:
            words = ['{"a":', "1}"]
        said = words[: body["max_tokens"]]
        ended = len(said) == len(words) and (len(said) < body["max_tokens"] or not self.counts_end)
        text = " ".join(said)
        message = {"role": "assistant", "content": None if self.silent else text, "reasoning_content": text if self.silent else None}
        return {
            "message": message,
            "finish_reason": "stop" if ended else "length",
            "tokens": len(said) + (ended and self.counts_end),
            "logprobs": {"content": []} if body.get("logprobs") and "logprobs" in self.honours else None,
        }

    def _streamed(self, whole: dict[str, Any]) -> Act:
        (choice,) = whole["choices"]
        pieces = [{"choices": [{"delta": choice["message"], "finish_reason": choice["finish_reason"]}]}, {**whole, "choices": []}]
        body = b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces) + b"data: [DONE]\n\n"
        return Act(body=body, headers={"content-type": "text/event-stream"})
