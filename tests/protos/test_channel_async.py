"""Channels of an event loop: the manners of those of threads, on every kind of call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.telemetry.v1 import telemetry_pb2 as pb
from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
from tandem_rpc import ClientTls, RpcSetupError, ServerTls, channel_async, invalid, refused_field

from tests.protos.authority import authority, needs_openssl

Start = Callable[..., Any]


async def _requests() -> AsyncIterator[pb.ReportRequest]:
    yield pb.ReportRequest()


async def _answers(stub: Any) -> list[pb.WatchResponse]:
    return [answer async for answer in stub.Watch(pb.WatchRequest())]


KINDS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "unary": lambda stub: stub.List(pb.ListRequest()),
    "answers": _answers,
    "requests": lambda stub: stub.Report(_requests()),
}


def speak(port: int, say: Callable[[Any], Awaitable[Any]], **arguments: Any) -> Any:
    async def speaking() -> Any:
        async with channel_async(f"127.0.0.1:{port}", **arguments) as made:
            return await say(TelemetryServiceStub(made))

    return asyncio.run(speaking())


@pytest.mark.parametrize("kind", KINDS)
def test_the_token_is_shown_on_every_call(start: Start, token_file: Path, kind: str) -> None:
    """With it calls of every kind pass, without it none does."""
    port = start(token_file=token_file).port
    speak(port, KINDS[kind], token_file=token_file)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        speak(port, KINDS[kind])
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_unary_calls_have_a_deadline(start: Start, service: Any) -> None:
    """A caller that names none has the channel's, and its own goes before it."""
    seen: list[float] = []
    service.answer = lambda _, context: seen.append(context.time_remaining()) or pb.ListResponse()
    port = start(deadline_s=1000).port
    speak(port, lambda stub: stub.List(pb.ListRequest()), deadline_s=100)
    speak(port, lambda stub: stub.List(pb.ListRequest(), timeout=300), deadline_s=100)
    assert seen == [pytest.approx(100, abs=50), pytest.approx(300, abs=50)]


def test_a_refusal_names_its_field(start: Start, service: Any) -> None:
    """Code, line and field arrive as they do in threads."""

    def refuse(*_: object) -> pb.ListResponse:
        field = "run"
        raise invalid(field, "'?' is no name; use letters")

    service.answer = refuse
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        speak(start().port, KINDS["unary"])
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "run: '?' is no name; use letters")
    assert refused_field(caught.value) == "run"


def test_messages_have_a_size(start: Start) -> None:
    """What is too long does not leave, and the line has both numbers."""
    with pytest.raises(grpc.aio.AioRpcError, match=r"larger than max \(11\d\d vs\. 1000\)") as caught:
        speak(start().port, lambda stub: stub.List(pb.ListRequest(run="r" * 1100)), max_message_bytes=1000)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_token_does_not_leave_in_plain_text(token_file: Path) -> None:
    """Nor is anything connected that could not be connected in threads."""
    with pytest.raises(RpcSetupError, match="plaintext=True"):
        channel_async("10.0.0.1:1", token_file=token_file)


@needs_openssl
def test_it_speaks_tls(start: Start, token_file: Path, tmp_path: Path) -> None:
    """The right authority passes, plain text does not connect."""
    ours = authority(tmp_path / "ours")
    certificate, key = ours.issue("server")
    port = start(token_file=token_file, tls=ServerTls(certificate=certificate, key=key)).port
    speak(port, KINDS["unary"], token_file=token_file, tls=ClientTls(ca=ours.certificate))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        speak(port, KINDS["unary"], token_file=token_file)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
