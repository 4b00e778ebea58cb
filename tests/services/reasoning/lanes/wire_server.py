"""A server that plays the protocol and no model: statuses, headers, silence, cuts and a fixed text."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "so it is"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}


@dataclass(frozen=True, kw_only=True)
class Act:
    """What the server does with one request.

    Attributes:
        status: It answers with.
        body: And this.
        headers: And these.
        silence_s: After a wait.
        sent: Only so many bytes of the body, then it hangs up; None sends all.
    """

    status: int = 200
    body: bytes = json.dumps(WHOLE).encode()
    headers: Mapping[str, str] = field(default_factory=dict)
    silence_s: float = 0.0
    sent: int | None = None


@dataclass(kw_only=True)
class Played:
    """What comes next, and what came.

    Attributes:
        acts: One for each coming request.
        answer: What is done when there is none, by path and body: a whole answer.
        asked: Bodies of requests.
        headers: Their headers, names in lower case.
        connections: How many were opened.
        gone: How often somebody hung up while an answer was due.
    """

    url: str = ""
    acts: deque[Act] = field(default_factory=deque)
    answer: Callable[[str, dict[str, Any]], Awaitable[Act]] | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    gone: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for requests and hang-ups until `holds`."""
        while not holds():
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def playing(*acts: Act, port: int = 0) -> AsyncIterator[Played]:
    """A server on a free port, or on one where another has been; its url goes up to /v1."""
    played = Played(acts=deque(acts))
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        played.connections += 1
        try:
            while await _one(reader, writer, played):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    played.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield played
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, played: Played) -> bool:
    """One request and what is done about it; whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    played.asked.append(json.loads(body) if body else {})
    played.headers.append(headers)
    played.changed.set()
    act = played.acts.popleft() if played.acts else Act()
    if played.answer:
        act = await played.answer(head.split(" ")[1], played.asked[-1])
    hung_up = asyncio.ensure_future(reader.read(1))
    done, _ = await asyncio.wait({hung_up}, timeout=act.silence_s)
    if done:
        played.gone += 1
        played.changed.set()
        return False
    hung_up.cancel()
    await asyncio.wait({hung_up})
    told = {"content-type": "application/json", "content-length": str(len(act.body)), **act.headers}
    lines = [f"HTTP/1.1 {act.status} Said", *(f"{name}: {value}" for name, value in told.items() if value)]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + act.body[: act.sent])
    await writer.drain()
    return act.sent is None
