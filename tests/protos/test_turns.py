"""Streams on which both sides take turns: the same answers and errors whoever speaks them, and no thread beside the one that asks."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest as Said
from tandem_rpc import Refused, Server, Turns, channel, serve


def _echo(requests: Iterator[Said], context: Any) -> Iterator[Said]:
    """Gives back what is said; "refuse" is refused, and "end" ends the stream."""
    for request in requests:
        if request.service == "refuse":
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "not that", field="service")
        if request.service == "end":
            return
        while request.service == "wait" and context.is_active():
            threading.Event().wait(0.01)
        yield request


def _add(server: grpc.Server) -> None:
    method = grpc.stream_stream_rpc_method_handler(_echo, Said.FromString, Said.SerializeToString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"Say": method}),))


@pytest.fixture
def server(token_file: Path) -> Iterator[Server]:
    """One that says the same again to who shows its token."""
    server = serve("127.0.0.1:0", {"echo.Echo": _add}, token_file=token_file)
    yield server
    server.stop(0)


@pytest.fixture(params=["own thread", "gRPC's threads"])
def made(server: Server, token_file: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[grpc.Channel]:
    """A channel; where gRPC's inside is not as it was, its own threads speak."""
    if request.param != "own thread":
        monkeypatch.setattr("tandem_rpc.turns._INSIDE", "grpc._cython.elsewhere")
    with channel(f"127.0.0.1:{server.port}", token_file=token_file) as made:
        yield made


def turns(made: grpc.Channel, timeout_s: float = 60.0) -> Turns[Said, Said]:
    return Turns(made.stream_stream("/echo.Echo/Say", Said.SerializeToString, Said.FromString), Said.FromString, timeout_s)


def test_each_request_has_its_answer(made: grpc.Channel) -> None:
    """One after the other; an empty message is an answer, too."""
    stream = turns(made)
    answers = [stream.ask(Said(service=word)) for word in ("one", "", "three")]
    stream.end()
    assert [answer.service for answer in answers if answer is not None] == ["one", "", "three"]


def test_the_other_side_ends_the_stream(made: grpc.Channel) -> None:
    """There is no answer, and none to what is asked after that."""
    stream = turns(made)
    assert (stream.ask(Said(service="end")), stream.ask(Said(service="one"))) == (None, None)
    stream.end()


def test_the_other_side_refuses(made: grpc.Channel) -> None:
    """What it says arrives whole, and the stream is over."""
    stream = turns(made)
    stream.ask(Said(service="one"))
    for _ in range(2):
        with pytest.raises(grpc.RpcError) as caught:
            stream.ask(Said(service="refuse"))
        error: Any = caught.value
        assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not that")
        assert "service" in dict(error.trailing_metadata()).values()
    stream.end()


def test_a_caller_that_is_not_known(server: Server) -> None:
    """The token is shown on this way, too: who has none is not let in."""
    with channel(f"127.0.0.1:{server.port}") as unknown:
        stream = turns(unknown)
        with pytest.raises(grpc.RpcError) as caught:
            stream.ask(Said(service="one"))
        error: Any = caught.value
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        stream.end()


def test_no_answer_in_time(made: grpc.Channel) -> None:
    """The stream ends by its own deadline, whatever it waits for."""
    stream = turns(made, 0.05)
    with pytest.raises(grpc.RpcError) as caught:
        stream.ask(Said(service="wait"))
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    stream.end()


def test_nobody_listens() -> None:
    """It says so as every call does."""
    with channel("127.0.0.1:1") as made:
        stream = turns(made)
        with pytest.raises(grpc.RpcError) as caught:
            stream.ask(Said(service="one"))
        error: Any = caught.value
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        stream.end()


def test_a_channel_that_is_closed(made: grpc.Channel) -> None:
    """A stream over it is over, and may still be ended; another one is not begun."""
    stream = turns(made)
    stream.ask(Said(service="one"))
    made.close()
    with pytest.raises((grpc.RpcError, ValueError)):
        stream.ask(Said(service="two"))
    stream.end()
    with pytest.raises(ValueError, match="closed"):
        turns(made).ask(Said(service="three"))


def test_no_thread_beside_the_one_that_asks(server: Server, token_file: Path) -> None:
    """That is what it is for: gRPC as it is now lets us."""
    with channel(f"127.0.0.1:{server.port}", token_file=token_file) as made:
        before = {thread.name for thread in threading.enumerate()}
        stream = turns(made)
        stream.ask(Said(service="one"))
        more = {thread.name for thread in threading.enumerate()} - before
        stream.end()
    assert not [name for name in more if not name.startswith("tandem-rpc")]  # which are the server's
