"""What holds for every call, through a real server and real channels on loopback."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tandem.telemetry.v1 import telemetry_pb2 as pb
from tandem_rpc import Refused, RpcSetupError, Server, Streams, invalid, refused_field
from tandem_rpc import channel as open_channel
from tandem_rpc.calls import _counted

Start = Callable[..., Server]
KINDS = {
    "unary": lambda stub: stub.List(pb.ListRequest()),
    "answers": lambda stub: list(stub.Watch(pb.WatchRequest())),
    "requests": lambda stub: stub.Report(iter([pb.ReportRequest()])),
}


def code_of(call: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


@pytest.mark.parametrize("kind", KINDS)
def test_only_who_shows_a_token_is_let_in(start: Start, connect: Callable[..., Any], token_file: Path, tmp_path: Path, kind: str) -> None:
    """Calls of every kind pass with the token; without one, or with another, they are refused before they begin."""
    (tmp_path / "other").write_text("sesam\n")
    port = start(token_file=token_file).port
    KINDS[kind](connect(port, token_file=token_file))
    for wrong in (None, tmp_path / "other"):
        stub = connect(port, token_file=wrong)
        assert code_of(lambda stub=stub: KINDS[kind](stub)) is grpc.StatusCode.UNAUTHENTICATED


def test_a_caller_that_never_speaks_is_refused_all_the_same(start: Start, connect: Callable[..., Any], token_file: Path) -> None:
    """A stream of requests without a token ends although not one request was sent."""
    silence = threading.Event()
    call = connect(start(token_file=token_file).port).Report.future(iter(lambda: silence.wait() and None, None))
    assert call.exception(timeout=300).code() is grpc.StatusCode.UNAUTHENTICATED
    silence.set()


@pytest.mark.parametrize("said", ["Basic sesame", "Bearer", "bearer  sesame", "sesame", "Bearer sesame2"])
def test_only_a_bearer_token_counts(start: Start, token_file: Path, said: str) -> None:
    """Other schemes and broken headers are refused."""
    with grpc.insecure_channel(f"127.0.0.1:{start(token_file=token_file).port}") as bare:
        listing = bare.unary_unary("/tandem.telemetry.v1.TelemetryService/List")
        assert code_of(lambda: listing(b"", metadata=(("authorization", said),))) is grpc.StatusCode.UNAUTHENTICATED
        assert listing(b"", metadata=(("authorization", "bearer sesame"),)) == b""


def test_a_changed_token_counts_at_once(start: Start, connect: Callable[..., Any], token_file: Path, tmp_path: Path) -> None:
    """Server and caller read their files anew: the old token is refused, the new one let in, on the same connection."""
    callers = tmp_path / "callers"
    callers.write_text("sesame\n")
    stub = connect(start(token_file=token_file).port, token_file=callers)
    stub.List(pb.ListRequest())
    token_file.write_text("changed\n")
    assert code_of(lambda: stub.List(pb.ListRequest())) is grpc.StatusCode.UNAUTHENTICATED
    callers.write_text("changed\n")
    stub.List(pb.ListRequest())


def test_probes_need_no_token(start: Start, token_file: Path) -> None:
    """Health answers anybody, for the server and for each of its services."""
    with grpc.insecure_channel(f"127.0.0.1:{start(token_file=token_file).port}") as bare:
        for service in ("", "tandem.telemetry.v1.TelemetryService"):
            answer = health_pb2_grpc.HealthStub(bare).Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_probes_are_told_of_the_end(start: Start) -> None:
    """Whoever watches health hears NOT_SERVING when the server begins to stop."""
    server = start()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as bare:
        statuses = health_pb2_grpc.HealthStub(bare).Watch(health_pb2.HealthCheckRequest())
        assert next(statuses).status == health_pb2.HealthCheckResponse.SERVING
        stopping = threading.Thread(target=server.stop, args=(60,))
        stopping.start()
        assert next(statuses).status == health_pb2.HealthCheckResponse.NOT_SERVING
        statuses.cancel()
        stopping.join()


def test_services_cannot_be_listed(start: Start) -> None:
    """Reflection is off."""
    with grpc.insecure_channel(f"127.0.0.1:{start().port}") as bare:
        reflection = bare.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        assert code_of(lambda: list(reflection(iter([b""])))) is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_without_deadline_gets_the_servers(start: Start, service: Any) -> None:
    """A method that hangs is answered for, however patient the caller is."""
    hang = threading.Event()
    service.answer = lambda *_: hang.wait(600) and pb.ListResponse()
    with grpc.insecure_channel(f"127.0.0.1:{start(deadline_s=0.05).port}") as bare:
        listing = bare.unary_unary("/tandem.telemetry.v1.TelemetryService/List")
        for timeout in (None, 600):
            assert code_of(lambda t=timeout: listing(b"", timeout=t)) is grpc.StatusCode.DEADLINE_EXCEEDED
    hang.set()


def test_a_channel_sets_a_deadline(start: Start, service: Any, connect: Callable[..., Any]) -> None:
    """A caller that names no deadline has one, and its own goes before it."""
    seen: list[float] = []
    service.answer = lambda _, context: seen.append(context.time_remaining()) or pb.ListResponse()
    stub = connect(start(deadline_s=1000).port, deadline_s=100)
    stub.List(pb.ListRequest())
    stub.List(pb.ListRequest(), timeout=300)
    assert seen == [pytest.approx(100, abs=50), pytest.approx(300, abs=50)]


def test_a_methods_own_answer_survives_the_servers_deadline(start: Start, service: Any, connect: Callable[..., Any]) -> None:
    """Refusals pass unchanged through the thread that keeps the time."""

    def refuse(*_: object) -> pb.ListResponse:
        field = "run"
        raise invalid(field, "'?' is no name; use letters")

    service.answer = refuse
    port = start(deadline_s=500).port
    for deadline_s in (100, 1000):
        with pytest.raises(grpc.RpcError) as caught:
            connect(port, deadline_s=deadline_s).List(pb.ListRequest())
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.details() == "run: '?' is no name; use letters"
        assert refused_field(caught.value) == "run"


def test_a_refusal_may_name_no_field(start: Start, service: Any, connect: Callable[..., Any]) -> None:
    """Not everything is one field's fault."""

    def refuse(*_: object) -> pb.ListResponse:
        raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "later")

    service.answer = refuse
    with pytest.raises(grpc.RpcError) as caught:
        connect(start().port).List(pb.ListRequest())
    assert (caught.value.code(), refused_field(caught.value)) == (grpc.StatusCode.FAILED_PRECONDITION, None)


def test_messages_have_a_size(start: Start, connect: Callable[..., Any]) -> None:
    """What is too long is refused by the server although the caller would send it, and by the caller before it leaves."""
    for server_bytes, caller_bytes in ((1000, 100_000), (100_000, 1000)):
        stub = connect(start(max_message_bytes=server_bytes).port, max_message_bytes=caller_bytes)
        stub.List(pb.ListRequest(run="r" * 900))
        assert code_of(lambda stub=stub: stub.List(pb.ListRequest(run="r" * 1100))) is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_streams_leave_room_for_calls(start: Start, service: Any, connect: Callable[..., Any]) -> None:
    """One stream too many is refused, unary calls go on, and a stream that ends gives its place back."""
    stop = threading.Event()
    service.go = lambda: not stop.wait(0.01)
    stub = connect(start(streams=Streams(speakers=0, listeners=2)).port)
    first, second = stub.Watch(pb.WatchRequest()), stub.Watch(pb.WatchRequest())
    next(first), next(second)
    assert code_of(lambda: next(stub.Watch(pb.WatchRequest()))) is grpc.StatusCode.RESOURCE_EXHAUSTED
    stub.List(pb.ListRequest())
    stop.set()
    list(first), list(second)
    stop.clear()
    for stream in (stub.Watch(pb.WatchRequest()), stub.Watch(pb.WatchRequest())):
        next(stream)
    stop.set()


def test_however_many_speak_somebody_may_listen(start: Start, service: Any, connect: Callable[..., Any]) -> None:
    """Those that listen take no place of those that speak, and the other way round."""
    begun, stop = threading.Semaphore(0), threading.Event()
    service.go, service.heard = lambda: not stop.wait(0.01), begun.release
    stub = connect(start(streams=Streams(speakers=2, listeners=2)).port)

    def speaking() -> Iterator[pb.ReportRequest]:
        yield pb.ReportRequest()
        stop.wait()

    listeners = [stub.Watch(pb.WatchRequest())]
    next(listeners[0])
    speakers = [stub.Report.future(speaking()) for _ in range(2)]
    for _ in speakers:
        assert begun.acquire(timeout=300)
    assert code_of(lambda: stub.Report(iter([pb.ReportRequest()]))) is grpc.StatusCode.RESOURCE_EXHAUSTED
    listeners.append(stub.Watch(pb.WatchRequest()))
    next(listeners[1])
    assert code_of(lambda: next(stub.Watch(pb.WatchRequest()))) is grpc.StatusCode.RESOURCE_EXHAUSTED
    stop.set()
    assert [speaker.result(timeout=300).reports for speaker in speakers] == [1, 1]


def test_a_stream_that_was_over_before_it_began_keeps_no_place() -> None:
    """Nobody is told by gRPC of the end of a call that has ended already, so the place is given back at once."""

    class Over:
        def add_callback(self, _: object) -> bool:
            return False

    free = threading.Semaphore(1)
    for _ in range(2):
        with _counted(free, 1, Over()):  # type: ignore[arg-type]
            pass


def test_calls_in_progress_may_end(start: Start, service: Any, connect: Callable[..., Any]) -> None:
    """A stopping server answers what it had begun, and takes nothing new."""
    begun, go = threading.Event(), threading.Event()
    service.answer = lambda *_: (begun.set(), go.wait(600)) and pb.ListResponse(reports=[pb.WorkerReport(trainer="t")])
    server = start()
    stub = connect(server.port)
    call = stub.List.future(pb.ListRequest())
    begun.wait()
    stopping = threading.Thread(target=server.stop, args=(600,))
    stopping.start()
    go.set()
    assert call.result(timeout=300).reports[0].trainer == "t"
    stopping.join()
    assert code_of(lambda: stub.List(pb.ListRequest())) is grpc.StatusCode.UNAVAILABLE


def test_a_port_is_taken_once(start: Start) -> None:
    """A second server on the same port is an error that names the address, not a thief of half the calls."""
    taken = f"127.0.0.1:{start().port}"
    with pytest.raises(RpcSetupError, match=taken):
        start(taken)


def test_a_proxy_for_the_internet_is_not_used(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Services are reached directly, whatever proxy the environment names."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with open_channel(f"127.0.0.1:{start().port}") as made:
        listing = made.unary_unary("/tandem.telemetry.v1.TelemetryService/List")
        assert listing(b"", timeout=300) == b""
