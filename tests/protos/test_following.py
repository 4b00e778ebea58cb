"""Listening on a machine that has no thread left: what cannot begin leaves nothing behind."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tandem.telemetry.v1 import telemetry_pb2 as pb
from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
from tandem_rpc import channel
from tandem_rpc.following import Following

from tests.parts.running import free_port
from tests.parts.thread_limit import no_more_threads

Start = Callable[..., Any]


def test_what_cannot_begin_to_listen_leaves_no_channel_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries again makes a new one each time."""
    made, closed = channel("127.0.0.1:9", own_thread=True), threading.Event()
    close = made.close
    monkeypatch.setattr(made, "close", lambda: (close(), closed.set()))
    with no_more_threads(), pytest.raises(RuntimeError, match="thread"):
        Following(made, lambda: TelemetryServiceStub(made).Watch(pb.WatchRequest()), who="nobody")
    assert closed.is_set()


def test_a_stream_that_is_read_by_its_own_thread_takes_no_other(start: Start) -> None:
    """Begun while there was none left, it is heard all the same once the server is there, and can be ended."""
    address, heard = f"127.0.0.1:{free_port()}", threading.Event()
    made = channel(address, own_thread=True)
    stub, begun = TelemetryServiceStub(made), threading.Event()

    def stream() -> Any:
        with no_more_threads():
            call = stub.Watch(pb.WatchRequest(), wait_for_ready=True)
        begun.set()
        return call

    following = Following(made, stream, who="service", on_change=heard.set)
    assert begun.wait(60)
    start(address)
    assert heard.wait(60)
    following.close()
    assert following.newest()
