"""What waits to be sent stays small, never makes a worker wait, and loses no information."""

import threading
from collections.abc import Callable

from tandem.telemetry.v1.telemetry_pb2 import Checkpoint, WorkerReport
from tandem_telemetry.client.outbox import Outbox

Make = Callable[..., WorkerReport]


def steps(outbox: Outbox, stream: int, count: int) -> list[int]:
    taken = [outbox.take(stream) for _ in range(count)]
    return [report.step for report in taken if report]


def test_reports_are_taken_in_order(make: Make) -> None:
    """As long as the sink keeps up, it hears every report."""
    outbox = Outbox()
    stream = outbox.begin()
    for step in (1, 2, 3):
        outbox.put(make(step, step=step))
    assert steps(outbox, stream, 3) == [1, 2, 3]


def test_a_full_line_gives_way_to_one_report_that_says_it_all(make: Make) -> None:
    """Without a sink a million reports take no more room than the line, and the address of a checkpoint survives them."""
    outbox = Outbox(longest=4)
    outbox.put(make(1, checkpoint=Checkpoint(step=1, uri="file:///manifest")))
    for at in range(2, 1000):
        outbox.put(make(at, step=at))
        assert len(outbox) <= 4
    said = []
    stream = outbox.begin()
    outbox.close()
    while report := outbox.take(stream):
        said.append(report)
    assert [report.step for report in said] == [999]
    assert said[0].checkpoint.uri == "file:///manifest"


def test_a_new_stream_begins_with_all_that_was_said(make: Make) -> None:
    """What an old stream took may never have arrived, so it is said again, once."""
    outbox = Outbox()
    old = outbox.begin()
    outbox.put(make(1, loss=1.0))
    outbox.put(make(2, step=2))
    outbox.take(old)
    new = outbox.begin()
    report = outbox.take(new)
    assert report
    assert (report.loss, report.step, len(outbox)) == (1.0, 2, 0)


def test_a_stream_that_was_followed_takes_nothing(make: Make) -> None:
    """A reader that still waits on a broken stream is let go, and what is put later is for the stream that followed."""
    outbox = Outbox()
    old, taken = outbox.begin(), []
    reader = threading.Thread(target=lambda: taken.append(outbox.take(old)))
    reader.start()
    new = outbox.begin()
    reader.join(300)
    outbox.put(make(1, step=1))
    assert outbox.take(old) is None
    assert taken == [None]
    assert steps(outbox, new, 1) == [1]


def test_a_closed_outbox_says_what_is_left_and_ends(make: Make) -> None:
    """Closing cuts nothing off."""
    outbox = Outbox()
    stream = outbox.begin()
    outbox.put(make(1, step=1))
    outbox.close()
    assert steps(outbox, stream, 1) == [1]
    assert outbox.take(stream) is None


def test_the_callers_report_stays_the_callers(make: Make) -> None:
    """A trainer may fill the same message again for the next step."""
    outbox = Outbox()
    stream = outbox.begin()
    report = make(1, step=1)
    outbox.put(report)
    report.step = 2
    assert steps(outbox, stream, 1) == [1]
