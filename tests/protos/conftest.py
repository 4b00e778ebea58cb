"""A real server with a service made for the tests, and real channels to it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tandem.telemetry.v1 import telemetry_pb2 as pb
from tandem.telemetry.v1 import telemetry_pb2_grpc as wire
from tandem_rpc import Server, channel, serve

SERVICE = "tandem.telemetry.v1.TelemetryService"


class Scripted(wire.TelemetryServiceServicer):
    """A service whose unary method does what a test wants; Watch answers until `go` says no more, Report counts what was `heard`."""

    def __init__(self) -> None:
        self.answer: Callable[[pb.ListRequest, Any], pb.ListResponse] = lambda _request, _context: pb.ListResponse()
        self.go: Callable[[], bool] = lambda: False
        self.heard: Callable[[], object] = lambda: None

    def List(self, request: pb.ListRequest, context: Any) -> pb.ListResponse:  # noqa: N802 - the wire's name
        return self.answer(request, context)

    def Watch(self, request: pb.WatchRequest, context: Any) -> Iterator[pb.WatchResponse]:  # noqa: ARG002, N802
        yield pb.WatchResponse()
        while self.go() and context.is_active():
            yield pb.WatchResponse()

    def Report(self, request_iterator: Iterator[pb.ReportRequest], context: Any) -> pb.ReportResponse:  # noqa: ARG002, N802
        return pb.ReportResponse(reports=len([self.heard() for _ in request_iterator]))


@pytest.fixture
def service() -> Scripted:
    return Scripted()


@pytest.fixture
def start(service: Scripted) -> Iterator[Callable[..., Server]]:
    """Starts a server on loopback, with any argument of `serve`."""
    servers: list[Server] = []

    def starting(address: str = "127.0.0.1:0", **arguments: Any) -> Server:
        servers.append(serve(address, {SERVICE: partial(wire.add_TelemetryServiceServicer_to_server, service)}, **arguments))
        return servers[-1]

    yield starting
    for server in servers:
        server.stop(0)


@pytest.fixture
def connect() -> Iterator[Callable[..., wire.TelemetryServiceStub]]:
    """Connects to a port of this machine, with any argument of `channel`."""
    channels = []

    def connecting(port: int, **arguments: Any) -> wire.TelemetryServiceStub:
        channels.append(channel(f"127.0.0.1:{port}", **arguments))
        return wire.TelemetryServiceStub(channels[-1])

    yield connecting
    for made in channels:
        made.close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("sesame\n")
    return path
