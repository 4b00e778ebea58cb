"""Asks a server whatever a trial needs, and keeps count: a probe's calls cost tokens like all others."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tandem_reasoning.lanes.asking.client import Reply, chat
from tandem_reasoning.lanes.asking.response import most_usage, read
from tandem_reasoning.lanes.outcome import Answered, Failed, Outcome
from tandem_reasoning.lanes.probing.findings import NOTHING
from tandem_reasoning.values import Message, Prompt, Usage

TOKENS = 24
"""Most tokens of an answer: enough for two answers to differ."""
ASKED = 256
"""Tokens of a prompt, at most: 48 bytes and all that a chat template may set around them."""


class BeyondError(Exception):
    """A call took so much that the next might cost more than was set aside for the probe.

    Attributes:
        times: How many times as many tokens it took as it could.
    """

    def __init__(self, times: float) -> None:
        super().__init__(f"{times:.1f} times as many tokens as it could take")
        self.times = times


class Client(Protocol):
    """What a probe needs of a `LaneClient`."""

    async def post(self, url: str, body: Mapping[str, Any], *, deadline_s: float) -> Reply | Failed:
        """The response to a body."""
        ...

    async def get(self, address: str, *, deadline_s: float) -> Reply | Failed:
        """The response of an address."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A call of a probe.

    Attributes:
        outcome: What it means.
        reply: The response as it came; None where there was none.
    """

    outcome: Outcome
    reply: Reply | None

    @property
    def answered(self) -> Answered | None:
        """The answer, if it is one."""
        return self.outcome if isinstance(self.outcome, Answered) else None


class Inquiry:
    """Calls to one server.

    Attributes:
        url: Its base address.
        model: What it is asked for.
        calls: How many were made.
        usage: What they took.
    """

    def __init__(self, client: Client, url: str, model: str, *, deadline_s: float, most: Usage) -> None:
        self._client, self._deadline_s, self._most = client, deadline_s, most
        self.url, self.model = url.rstrip("/"), model
        self.calls, self.usage = 0, NOTHING

    async def ask(
        self, text: str, *, model: str | None = None, tokens: int = TOKENS, temperature: float = 0.0, stream: bool = False, **more: object
    ) -> Heard:
        """One call; `more` goes into the request as it is.

        Raises:
            BeyondError: when it, with all before it, took more than was set aside.
        """
        prompt = Prompt(messages=(Message(role="user", content=text),), max_tokens=tokens, temperature=temperature)
        reply = await self._client.post(self.url, {**chat(model or self.model, prompt, stream=stream), **more}, deadline_s=self._deadline_s)
        self.calls += 1
        if isinstance(reply, Failed):
            self._spent(most_usage(prompt) if reply.trouble.perhaps_paid else NOTHING)
            return Heard(outcome=reply, reply=None)
        outcome = replace(read(reply.status, reply.headers, reply.body, prompt=prompt, wall_s=0.0), seconds=reply.seconds)
        if isinstance(outcome, Answered):
            self._spent(outcome.usage)
            if self.usage.input_tokens > self._most.input_tokens or self.usage.output_tokens > self._most.output_tokens:
                raise BeyondError(max(outcome.usage.input_tokens / ASKED, outcome.usage.output_tokens / tokens))
        return Heard(outcome=outcome, reply=reply)

    async def get(self, address: str) -> Reply | Failed:
        """A page of the server."""
        return await self._client.get(address, deadline_s=self._deadline_s)

    def _spent(self, usage: Usage) -> None:
        self.usage = Usage(
            input_tokens=self.usage.input_tokens + usage.input_tokens, output_tokens=self.usage.output_tokens + usage.output_tokens
        )
