"""A coordinator and workers in one event loop, before servers that play the protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tandem.reasoning.v1.reasoning_pb2 import Status
from tandem.reasoning.v1.reasoning_pb2_grpc import add_ReasoningServiceServicer_to_server
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.process import SERVICE, opened
from tandem_reasoning.coordinator.service import Reasoning, Rooms
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.ledger import Item, Reader
from tandem_reasoning.values import Question
from tandem_reasoning.worker.line import Line
from tandem_reasoning.worker.work import Work
from tandem_rpc import AsyncServer, serve_async

from tests.services.reasoning.lanes.wire_server import Act

UID = "5f0c"
GRACE_S = 30.0


def job(urls: dict[str, Sequence[str]], **more: Any) -> Job:
    """A run with lanes at `urls`: those whose names begin with "cloud" cost a dollar for a million tokens."""
    lanes = [
        {
            "name": name,
            "kind": "Cloud" if name.startswith("cloud") else "Local",
            "urls": list(at),
            "model": f"{name}-model",
            **({"usdPerMillionInputTokens": "1", "usdPerMillionOutputTokens": "1"} if name.startswith("cloud") else {}),
        }
        for name, at in urls.items()
    ]
    experts = [{"name": f"expert-{number}", "role": f"Be number {number}."} for number in range(4)]
    return Job.model_validate({"runUid": UID, "name": "run", "lanes": lanes, "experts": experts, "probe": False, **more})


def questions(count: int) -> list[Question]:
    """So many."""
    return [Question(id=f"q{number}", text=f"What is {number} and {number}?", kind=f"kind-{number % 3}") for number in range(count)]


def said(text: str, *, tokens: int = 5) -> Act:
    """A whole answer."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Act(body=json.dumps({"choices": [choice], "usage": {"prompt_tokens": 50, "completion_tokens": tokens}}).encode())


def saying(text: str) -> Callable[[str, dict[str, Any]], Awaitable[Act]]:
    """Always the same."""

    async def answer(path: str, body: dict[str, Any]) -> Act:
        del path, body
        return said(text)

    return answer


@dataclass(kw_only=True)
class Coordinator:
    """One that listens; `again` is the next one of the same run, at the same address."""

    rooms: Rooms
    server: AsyncServer
    ledger: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def status(self) -> Status:
        return self.rooms.standing.message()


@asynccontextmanager
async def coordinating(folder: Path, job: Job, asked: Sequence[Question], *, port: int = 0, **more: Any) -> AsyncIterator[Coordinator]:
    """A coordinator whose ledger is in `folder`; `more` settings, where they matter."""
    (folder / "job.json").write_text(job.model_dump_json(by_alias=True))
    settings = Settings(job=folder / "job.json", questions="", ledger=folder / "ledger.sqlite", **more)
    async with AsyncExitStack() as stack:
        rooms = await stack.enter_async_context(opened(settings, job, asked))
        service = partial(add_ReasoningServiceServicer_to_server, Reasoning(rooms))
        server = await serve_async(f"127.0.0.1:{port}", {SERVICE: service}, tls=settings.tls)
        stack.push_async_callback(server.stop, 0)
        yield Coordinator(rooms=rooms, server=server, ledger=settings.ledger)


async def work(address: str, name: str, stop: asyncio.Event | None = None, *, at_once: int = 8, grace_s: float = GRACE_S) -> None:
    """A worker's whole life."""
    async with Line(address, None) as line:
        await Work(line, name, at_once).until(stop or asyncio.Event(), grace_s)


def items(ledger: Path) -> Sequence[Item]:
    """All items of a ledger."""
    with closing(Reader(ledger)) as reader:
        return reader.items(0, 10_000)
