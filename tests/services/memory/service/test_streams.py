"""Streams that are read slowly, or not at all, or are open when the service stops; and TLS."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem_rpc import ClientTls, ServerTls

from tests.protos.authority import authority, needs_openssl
from tests.services.memory.service.conftest import Running, Start, append, record

MANY, AT_ONCE = 50_000, 2_500
UNREAD_BYTES = 32 * 1024 * 1024  # what sockets and HTTP/2 hold on their way; all changes together are three times that


def own_memory_bytes() -> int:
    """What is this process' own, without the mapped pages of the store."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1]) * 1024


def test_a_watcher_that_does_not_read_costs_no_memory(start: Start) -> None:
    """However much is appended meanwhile; and when it reads again, nothing was left out and nothing comes twice."""
    running = start()
    running.stub.Append(append(record("a", answer="begin")))
    watch = running.stub.Watch(pb.WatchRequest(namespace="n"))
    first = next(watch)
    before = own_memory_bytes()
    for begin in range(0, MANY, AT_ONCE):
        running.stub.Append(append(*[record("a", answer=f"{n:06}" + "x" * 2000) for n in range(begin, begin + AT_ONCE)]))
    told = running.figure("tandem_memory_watched_changes_total")
    assert told * 2000 < UNREAD_BYTES
    assert own_memory_bytes() - before < 3 * UNREAD_BYTES  # the index and the writer's own messages are in there
    seen = [change.appended.answer for change in first.changes]
    for response in watch:
        seen += [change.appended.answer[:6] for change in response.changes]
        if len(seen) > MANY:
            break
    watch.cancel()
    assert seen == ["begin", *(f"{n:06}" for n in range(MANY))]


def test_a_stream_that_is_not_read_is_not_listened_to(start: Start) -> None:
    """Searches whose answers nobody takes are not made beyond what may be under way; all are when somebody reads."""
    running = start()
    running.stub.Append(append(*[record("a", answer="x" * 100_000) for _ in range(10)]))
    request = pb.SearchRequest(namespace="n", queries=[pb.Query(text="a")])
    answers = running.stub.SearchStream(request for _ in range(400))
    next(answers)
    made = _settled(lambda: running.figure("tandem_memory_searched_queries_total"))
    assert made < 200  # 64 under way, and those whose answers sockets hold
    assert sum(1 for _ in answers) == 399


def _settled(figure: Any) -> int:
    """What `figure` says when it has stopped to change."""
    still, last = 0, -1
    pause = threading.Event()
    while still < 20:
        now = figure()
        still, last = (still + 1, now) if now == last else (0, now)
        pause.wait(0.05)
    return last


def test_a_caller_that_leaves_leaves_nothing(start: Start) -> None:
    """Watchers are counted, and no more when they are gone."""
    running = start()
    running.stub.Append(append(record("a")))
    watches = [running.stub.Watch(pb.WatchRequest(namespace="n")) for _ in range(3)]
    for watch in watches:
        next(watch)
    assert running.figure("tandem_memory_watchers") == 3
    for watch in watches:
        watch.cancel()
    assert _settled(lambda: running.figure("tandem_memory_watchers")) == 0


def _ended(stream: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        for _ in stream:
            pass
    return caught.value.code()


def test_watchers_are_told_of_the_end(start: Start) -> None:
    """With a status that says to come back; the cursor that they had leads on at the next service."""
    running = start()
    running.stub.Append(append(record("a")))
    watch = running.stub.Watch(pb.WatchRequest(namespace="n"))
    next(watch)
    stopping = threading.Thread(target=_stop, args=(running, 600))
    stopping.start()
    assert _ended(watch) is grpc.StatusCode.UNAVAILABLE
    stopping.join(60)
    assert not stopping.is_alive()


def _stop(running: Running, grace_s: float) -> None:
    running.loop.call_soon_threadsafe(running.parts.stopping.begin)
    running.run(running.server.stop(grace_s))


def test_streams_that_never_end_do_not_hold_up_the_end(start: Start) -> None:
    """Appends and searches whose caller goes on, and a watcher that does not read, are cut off after the grace."""
    running = start()
    running.stub.Append(append(record("a")))
    go_on = threading.Event()

    def forever(request: Any) -> Iterator[Any]:
        yield request
        go_on.wait(60)

    appends = running.stub.AppendStream(forever(append(record("a"))))
    searches = running.stub.SearchStream(forever(pb.SearchRequest(namespace="n", queries=[pb.Query(text="a")])))
    next(appends), next(searches)
    for n in range(20):
        running.stub.Append(append(*[record("a", answer="x" * 10_000) for _ in range(100)], namespace=f"m{n}"))
    unread = running.stub.Watch(pb.WatchRequest(namespace="m1"))
    next(unread)
    _stop(running, 0.2)
    assert _ended(appends) is grpc.StatusCode.UNAVAILABLE
    assert _ended(searches) is grpc.StatusCode.UNAVAILABLE
    assert _ended(unread) is grpc.StatusCode.UNAVAILABLE
    go_on.set()


@needs_openssl
def test_it_speaks_tls_with_a_token(start: Start, tmp_path: Path) -> None:
    """The right authority and token pass, streams and all."""
    ours = authority(tmp_path / "ours")
    certificate, key = ours.issue("server")
    token_file = tmp_path / "token"
    token_file.write_text("sesame\n")
    server = {"tls": ServerTls(certificate=certificate, key=key), "token_file": token_file}
    stub = start(server=server, caller={"tls": ClientTls(ca=ours.certificate), "token_file": token_file}).stub
    assert [len(answer.ids) for answer in stub.AppendStream(iter([append(record("a"))] * 3))] == [1, 1, 1]
