"""Streams that are read slowly, or not at all, or are open when the service stops; and TLS."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem.memory.v1.memory_pb2_grpc import MemoryServiceStub
from tandem_rpc import ClientTls, ServerTls, channel

from tests.protos.authority import authority, needs_openssl
from tests.services.memory.process import Service
from tests.services.memory.service.conftest import MESSAGE_BYTES, Letters, Running, Start, append, record, vector

WATCHERS, MANY, AT_ONCE = 8, 20_000, 2_500
ANSWER = "x" * 2_000


def grown_bytes(service: Service, watchers: int) -> tuple[int, list[str]]:
    """What a service has more of its own when much was appended beside watchers that do not read; and what one then reads."""
    with channel(service.address, max_message_bytes=MESSAGE_BYTES) as way:
        stub: Any = MemoryServiceStub(way)
        stub.Append(append(record("begin", vector=vector(1, 0))))
        watches = [stub.Watch(pb.WatchRequest(namespace="n")) for _ in range(watchers)]
        for watch in watches:
            next(watch)
        before = service.own_memory_bytes()
        for begin in range(0, MANY, AT_ONCE):
            stub.Append(append(*[record(f"{n}", answer=ANSWER, vector=vector(1, n)) for n in range(begin, begin + AT_ONCE)]))
        grown, seen = service.own_memory_bytes() - before, list[str]()
        while watchers and len(seen) < MANY:
            seen += [change.appended.question for change in next(watches[0]).changes]
        for watch in watches:
            watch.cancel()
    return grown, seen


def test_a_watcher_that_does_not_read_costs_no_memory(tmp_path: Path) -> None:
    """However much is appended meanwhile, a service has no more of its own than another without watchers; who reads again misses nothing.

    If all were kept for each of them it would have 320 MB more. What it has of the store's pages does not count.
    """
    with closing(Service(tmp_path / "watched").start()) as watched, closing(Service(tmp_path / "alone").start()) as alone:
        grown, seen = grown_bytes(watched, WATCHERS)
        alone_bytes, _ = grown_bytes(alone, 0)
    assert seen == [str(n) for n in range(MANY)]
    assert grown - alone_bytes < WATCHERS * MANY * len(ANSWER) // 4


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


def test_a_stream_is_kept_in_its_order(start: Start) -> None:
    """Also where what comes later is embedded sooner."""
    batches = 5

    class Hurrying(Letters):
        async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
            await asyncio.sleep(0.1 * (batches - int(texts[0])))
            return await super().embed(texts)

    running = start(embedding=Hurrying())
    names = [str(number) for number in range(batches)]
    assert [len(each.ids) for each in running.stub.AppendStream(append(record(name), record(name)) for name in names)] == [2] * batches
    assert [each.question for each in running.stub.Scan(pb.ScanRequest(namespace="n", limit=100)).records] == [*np.repeat(names, 2)]


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
    while running.figure("tandem_memory_watchers"):
        pass


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
    stopping.join(300)
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
        go_on.wait(300)

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
