"""`Memory` over streams that break: writers, searches and watches."""

import threading
from collections.abc import Callable

import grpc
import pytest
from tandem_memory.client import (
    ClosedError,
    FullError,
    Memory,
    MemoryServiceError,
    Record,
    RefusedError,
    TooLateError,
    UnreachableError,
)
from tandem_rpc import Refused, invalid

from tests.services.memory.client.stand_in import StandIn

Make = Callable[..., Record]


Eventually = Callable[[Callable[[], object]], None]


_PATIENCE_S = 300
AWAY = Refused(grpc.StatusCode.UNAVAILABLE, "stopping")


def test_a_writer_loses_nothing_over_streams_that_break(memory: Memory, stand_in: StandIn, make: Make) -> None:
    """Answers that got lost are asked for again under the same keys; on leaving, every record is there once, in its order."""
    stand_in.breaks += [0, 1, 2, 0, 3]
    told: dict[str, str] = {}
    with memory.writer(lambda key, appended: told.update({key: appended.id})) as writer:
        for n in range(3000):
            writer.write(make(n))
            if n % 250 == 0:  # as many answers, at least, as there must be for each break to come
                writer.flush()
                assert writer.acknowledged == n + 1
    assert [each.key for each in stand_in.records.values()] == [f"key {n}" for n in range(3000)]
    assert told == stand_in.by_key
    assert not stand_in.breaks
    assert stand_in.calls.count("AppendStream") >= 6


def test_a_writer_says_what_was_refused(memory: Memory, stand_in: StandIn, make: Make) -> None:
    """On leaving it raises; nothing is swallowed."""
    stand_in.refusals.append(Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "disk: full"))
    writer = memory.writer()
    with pytest.raises(FullError), writer:
        writer.write(make(0))
    assert writer.acknowledged == 0


def test_a_service_that_is_there_and_answers_nothing_is_given_up(stand_in: StandIn, make: Make) -> None:
    """On leaving a writer waits no longer than a call may take, as long as nothing is answered."""
    stand_in.silent.set()
    with (
        Memory(stand_in.address, "team", deadline_s=0.2, patience_s=0.1) as memory,
        pytest.raises(TooLateError, match="1 of what was sent is not answered"),
        memory.writer() as writer,
    ):
        writer.write(make(0))
    stand_in.silent.clear()


def test_a_writer_does_not_wait_for_the_end_of_its_stream(stand_in: StandIn, make: Make) -> None:
    """All of it is answered: a service that hangs then keeps nobody."""
    stand_in.lasting.set()

    def write() -> None:
        with Memory(stand_in.address, "team") as memory, memory.writer() as writer:
            writer.write(make(0))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    assert not thread.is_alive()
    assert len(stand_in.records) == 1


def test_a_writer_gives_up_when_patience_ends(stand_in: StandIn, make: Make) -> None:
    """A block that is left through an error of its own does not wait for anything."""

    def fails(memory: Memory) -> None:
        with memory.writer() as writer:
            writer.write(make(0))
            raise ZeroDivisionError

    stand_in.stop()
    with Memory(stand_in.address, "team", patience_s=0.2) as memory:
        with pytest.raises(UnreachableError), memory.writer() as writer:
            writer.write(make(0))
        with pytest.raises(ZeroDivisionError):
            fails(memory.but(patience_s=60))


def test_many_searches_are_answered_in_their_order_over_streams_that_break(memory: Memory, stand_in: StandIn, make: Make) -> None:
    """In batches, each query once."""
    records = [make(n) for n in range(60)]
    memory.append(records)
    stand_in.batches.clear()
    stand_in.breaks += [0, 1, 1]
    asked = [each.vector for each in records * 5 if each.vector is not None]
    found = [hits[0].record.question for hits in memory.search_many(asked, k=1)]
    assert found == [each.question for each in records * 5]
    assert max(stand_in.batches) > 1


def test_a_search_stream_that_nobody_reads_to_its_end_is_left(memory: Memory, make: Make) -> None:
    """Breaking out of the loop ends the stream."""
    memory.append([make(0)])
    for _ in memory.search_many("question 0" for _ in range(10_000)):
        break
    assert not [thread for thread in threading.enumerate() if thread.name == "memory-stream" and thread.is_alive()]


def test_a_watch_goes_on_where_it_was_whatever_breaks(memory: Memory, stand_in: StandIn, make: Make) -> None:
    """Streams break, the service goes and comes back: every record comes exactly once, in its order."""
    stand_in.breaks += [0, 1, 0, 2]
    memory.append([make(n) for n in range(40)])
    seen: list[str] = []
    with memory.watch() as watch:
        for news in watch:
            seen += [change.key for change in news.changes if isinstance(change, Record)]
            if len(seen) == 40:
                stand_in.stop()
                stand_in.start()
                memory.append([make(40)])
            if len(seen) == 41:
                break
    assert seen == [f"key {n}" for n in range(41)]
    later = next(iter(memory.watch(watch.cursor)))
    assert (later.changes, later.cursor) == ([], watch.cursor)


def test_a_watch_of_what_is_new_leaves_out_what_was(memory: Memory, stand_in: StandIn, make: Make) -> None:
    """Also after a break, which must not make it begin anew."""
    memory.append([make(0)])
    stand_in.breaks += [1, 0]
    seen: list[str] = []
    with memory.watch(only_new=True) as watch:
        for news in watch:
            seen += [change.key for change in news.changes if isinstance(change, Record)]
            if len(seen) == 2:
                break
            memory.append([make(len(seen) + 1)])
    assert seen == ["key 1", "key 2"]


def test_a_watch_of_what_is_new_misses_nothing_of_a_namespace_to_come(memory: Memory, stand_in: StandIn, make: Make) -> None:
    """Its first record comes while the connection is broken."""
    stand_in.breaks += [1]
    seen: list[str] = []
    with memory.watch(only_new=True) as watch:
        for news in watch:
            seen += [change.key for change in news.changes if isinstance(change, Record)]
            if seen:
                break
            memory.append([make(0)])
    assert seen == ["key 0"]


def test_another_thread_ends_a_watch(memory: Memory, stand_in: StandIn, eventually: Eventually) -> None:
    """The loop ends, without an error."""
    watch = memory.watch()
    heard: list[object] = []
    thread = threading.Thread(target=lambda: heard.extend(watch))
    thread.start()
    eventually(lambda: heard)
    watch.close()
    thread.join(300)
    assert not thread.is_alive()
    assert stand_in.calls == ["Watch"]


def test_a_watch_ends_while_nobody_answers(
    memory: Memory, stand_in: StandIn, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again without end, but not beyond its own; the client stays open, and when it is closed that is what is said."""
    caplog.set_level("INFO", "tandem_memory.client.link")
    stand_in.stop()
    watch, said = memory.watch(), list[Exception]()

    def hear() -> None:
        try:
            list(memory.watch())
        except MemoryServiceError as error:
            said.append(error)

    threads = [threading.Thread(target=list, args=(watch,), daemon=True), threading.Thread(target=hear, daemon=True)]
    for each in threads:
        each.start()
    eventually(lambda: caplog.text.count("tried again") >= 4)
    watch.close()
    threads[0].join(_PATIENCE_S)
    assert not threads[0].is_alive()
    memory.close()
    threads[1].join(_PATIENCE_S)
    assert [type(each) for each in said] == [ClosedError]


def test_a_watch_that_is_refused_says_so(memory: Memory, stand_in: StandIn) -> None:
    """A cursor of another service is no reason to ask for ever."""
    stand_in.refusals.append(invalid("cursor", "'x' was never given"))
    with pytest.raises(RefusedError, match="cursor"):
        next(iter(memory.watch("x")))
