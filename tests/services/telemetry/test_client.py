"""Reporter and Watcher against the real service, which is killed and comes back."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.telemetry.v1.telemetry_pb2 import Checkpoint, ListRequest, ReportRequest, WorkerReport
from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
from tandem_rpc import RpcSetupError, channel, refused_field
from tandem_telemetry.client import Reporter, Watcher

Make = Callable[..., WorkerReport]
Eventually = Callable[[Callable[[], object]], None]
RUN = ("team", "run")


def step(watcher: Watcher) -> int:
    return watcher.newest()[RUN].step if RUN in watcher.newest() else -1


def test_what_is_reported_is_watched(sink: Any, make: Make, eventually: Eventually) -> None:
    """Reports reach watchers of their run and nobody else; closing says whether all has arrived."""
    sink.start()
    changed = threading.Event()
    ours = Watcher(sink.address, sink.token_file, "team", "run", on_change=lambda _: changed.set())
    others = Watcher(sink.address, sink.token_file, "team", "other")
    reporter = Reporter(sink.address, sink.token_file)
    reporter.report(make(1, step=1, loss=2.0))
    reporter.report(make(2, step=2))
    eventually(lambda: step(ours) == 2)
    assert changed.is_set()
    assert ours.newest()[RUN].loss == 2.0
    reporter.report(make(3, step=3))
    assert reporter.close(60)
    eventually(lambda: step(ours) == 3)
    assert not others.newest()
    for watcher in (ours, others):
        watcher.close()


def test_a_killed_sink_that_comes_back_knows_everything_again(sink: Any, make: Make, eventually: Eventually) -> None:
    """After kill -9 and a restart the newest report is there without a new one, checkpoint included, and both clients go on."""
    sink.start()
    reporter, watcher = Reporter(sink.address, sink.token_file), Watcher(sink.address, sink.token_file)
    reporter.report(make(1, checkpoint=Checkpoint(step=1, uri="file:///manifest")))
    reporter.report(make(2, step=2))
    eventually(lambda: step(watcher) == 2)
    sink.kill()
    assert step(watcher) == 2
    reporter.report(make(3, step=3))
    sink.start()
    eventually(lambda: step(watcher) == 3)
    with channel(sink.address, token_file=sink.token_file) as made:
        (known,) = TelemetryServiceStub(made).List(ListRequest()).reports
    assert (known.step, known.checkpoint.uri) == (3, "file:///manifest")
    reporter.report(make(4, step=4))
    assert reporter.close(60)
    eventually(lambda: step(watcher) == 4)
    watcher.close()


def test_a_sink_that_comes_late_misses_nothing(sink: Any, make: Make, eventually: Eventually) -> None:
    """Reporting begins before there is anybody to report to, never waits, and arrives."""
    sink.start().kill()
    reporter = Reporter(sink.address, sink.token_file)
    for at in range(1, 2001):
        reporter.report(make(at, step=at))
    sink.start()
    assert reporter.close(60)
    watcher = Watcher(sink.address, sink.token_file)
    eventually(lambda: step(watcher) == 2000)
    watcher.close()


def test_closing_without_a_sink_gives_up(sink: Any, make: Make) -> None:
    """When time is up the reporter leaves, and says that not everything arrived; one that had nothing to say is content."""
    sink.start().kill()
    reporter, silent = Reporter(sink.address, sink.token_file), Reporter(sink.address, sink.token_file)
    reporter.report(make(1, step=1))
    assert not reporter.close(0.2)
    assert silent.close(60)


def test_a_wrong_token_is_said_once_and_mended_without_a_restart(
    sink: Any, make: Make, tmp_path: Path, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused for a while, let in as soon as the file is right; the log has one line and no token."""
    sink.start()
    mine = tmp_path / "mine"
    mine.write_text("wrong-token\n")
    reporter = Reporter(sink.address, mine)
    reporter.report(make(1, step=1))
    eventually(lambda: reporter._outbox._stream >= 3)  # it was refused twice and asks again
    mine.write_text("sesame\n")
    assert reporter.close(60)
    assert caplog.text.count("UNAUTHENTICATED") == 1
    assert not any(secret in caplog.text + sink.log.read_text() for secret in ("wrong-token", "sesame"))


def test_a_mistaken_report_is_left_out(sink: Any, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with the field at fault, and what comes before and after it arrives."""
    sink.start()
    reporter = Reporter(sink.address, sink.token_file)
    reporter.report(make(1, step=1))
    reporter.report(make(2, step_seconds=-1.0))
    reporter.report(make(3, step=3))
    assert reporter.close(60)
    assert "report.step_seconds: -1.0" in caplog.text
    assert 'tandem_step{namespace="team",run="run"} 3.0' in sink.get("/metrics")


def test_the_sink_refuses_what_it_cannot_use(sink: Any, make: Make) -> None:
    """Whoever speaks to it without our client gets code, field and fix; a run too many is refused, known ones go on."""
    sink.start(MOST_RUNS=1)
    with channel(sink.address, token_file=sink.token_file) as made:
        stub = TelemetryServiceStub(made)
        for report, code, field in (
            (make(1, run=""), grpc.StatusCode.INVALID_ARGUMENT, "report.source.run"),
            (make(1, run="second"), grpc.StatusCode.RESOURCE_EXHAUSTED, "report.source.run"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                stub.Report(iter([ReportRequest(report=make(1)), ReportRequest(report=report)]))
            assert (caught.value.code(), refused_field(caught.value)) == (code, field)
        assert stub.Report(iter([ReportRequest(report=make(2)), ReportRequest(report=make(3))])).reports == 2
    assert "tandem_telemetry_reports_refused_total 2.0" in sink.get("/metrics")


def test_arguments_that_cannot_work_are_refused_at_once(tmp_path: Path) -> None:
    """A worker learns of a missing token file when it makes its reporter, not from a log."""
    for make in (Reporter, Watcher):
        with pytest.raises(RpcSetupError, match="token_file"):
            make("127.0.0.1:1", tmp_path / "absent")


def test_importing_the_client_is_light() -> None:
    """Neither gRPC nor Prometheus is loaded by an import: command lines that never connect do not pay for it."""
    code = "import sys, tandem_telemetry.client; print([m for m in ('grpc', 'prometheus_client', 'pydantic') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
