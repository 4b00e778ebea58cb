"""The service over the real store of one machine, on a loop of its own, spoken to over real sockets."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem.memory.v1.memory_pb2_grpc import MemoryServiceStub, add_MemoryServiceServicer_to_server
from tandem_memory.backend import Backend
from tandem_memory.embedded import Embedded
from tandem_memory.moves import backup
from tandem_memory.rights import Rights
from tandem_memory.service import Memory, Parts
from tandem_rpc import AsyncServer, channel, refused_field, serve_async

SERVICE = "tandem.memory.v1.MemoryService"
MESSAGE_BYTES = 64 * 1024 * 1024
DIMENSION = 4


class Letters:
    """An embedding that can be worked out by hand: how often a, b, c and all else come."""

    name = "letters"
    dimension = DIMENSION

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([[*map(text.count, "abc"), sum(each not in "abc" for each in text) + 0.01] for text in texts], np.float32)


@dataclass
class Running:
    """A service that is listening.

    Attributes:
        loop: Where it lives.
        parts: What it is made of.
        server: What listens.
        stub: Speaks to it.
    """

    loop: asyncio.AbstractEventLoop
    parts: Parts
    server: AsyncServer
    stub: Any

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(120)

    def figure(self, name: str, **labels: str) -> float:
        return self.parts.figures.registry.get_sample_value(name, labels) or 0.0


Start = Callable[..., Running]


@pytest.fixture
def start(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[Start]:
    """Starts a service; arguments are those of `Parts`, `server` is for `serve_async`, `caller` for `channel`, `environ` for S3."""
    running: list[Running] = []

    async def begin(
        backend: Backend | None, server: dict[str, Any], environ: dict[str, str], parts: dict[str, Any]
    ) -> tuple[Parts, AsyncServer]:
        kept = backend or Embedded(tmp_path / "store", quiet_s=0.2)
        copied = partial(backup.made, kept, scratch=tmp_path, environ=environ)
        made = Parts(backend=kept, **{"embedding": Letters(), "rights": Rights, "backup": copied, **parts})
        services = {SERVICE: partial(add_MemoryServiceServicer_to_server, Memory(made))}
        return made, await serve_async("127.0.0.1:0", services, max_message_bytes=MESSAGE_BYTES, **server)

    def starting(
        *,
        backend: Backend | None = None,
        server: dict[str, Any] | None = None,
        caller: dict[str, Any] | None = None,
        environ: dict[str, str] | None = None,
        **parts: Any,
    ) -> Running:
        begun = begin(backend, server or {}, environ or {}, parts)
        made, listening = asyncio.run_coroutine_threadsafe(begun, loop).result(60)
        way = channel(f"127.0.0.1:{listening.port}", max_message_bytes=MESSAGE_BYTES, **(caller or {}))
        running.append(Running(loop, made, listening, MemoryServiceStub(way)))
        return running[-1]

    yield starting
    for each in running:
        each.parts.stopping.begin()
        each.run(each.server.stop(0))
        each.run(each.parts.backend.close())


def vector(*floats: float) -> bytes:
    return np.array(floats, "<f4").tobytes()


def record(question: str = "a", **fields: Any) -> pb.Record:
    return pb.Record(question=question, **fields)


def append(*records: pb.Record, namespace: str = "n") -> pb.AppendRequest:
    return pb.AppendRequest(namespace=namespace, records=records)


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str, str | None]:
    """Code, line and field."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    assert "\n" not in error.details()
    return error.code(), error.details(), refused_field(error)
