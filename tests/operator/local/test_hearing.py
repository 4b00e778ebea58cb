"""The report sink of a run: there when it is needed, at the same address for life."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local.hearing import Hearing
from tandem_operator.local.process.identity import Identity
from tandem_operator.plan.values import Report
from tandem_telemetry.client import Reporter

Runs = Callable[..., TrainingRun]


@pytest.fixture
def folder(tmp_path: Path, training_run: Runs) -> Iterator[Path]:
    yield tmp_path / "telemetry"
    Hearing(tmp_path / "telemetry", training_run(telemetry=None)).close(ended=True)


def heard(hearing: Hearing) -> Report:
    """The newest report, once there is one."""
    deadline = time.monotonic() + 300
    while (report := hearing.newest()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return report


@pytest.mark.slow
def test_a_service_that_was_killed_comes_back_at_its_address_and_is_told_everything_again(folder: Path, training_run: Runs) -> None:
    """Workers keep the address they were started with; the next owner hears them, and does not start a second service."""
    run = training_run(telemetry=None)
    first = Hearing(folder, run)
    first.attend()
    address = first.address
    assert address is not None
    reporter = Reporter(address, first.token_file)
    report = WorkerReport(step=7)
    report.source.namespace, report.source.run, report.source.attempt = "default", "demo", 2
    report.at.GetCurrentTime()
    reporter.report(report)
    assert heard(first).step == 7
    first.close(ended=False)
    killed = Identity.read(folder / "pid")
    assert killed
    assert killed.send(signal.SIGKILL)
    while killed.alive:
        time.sleep(0.01)
    second = Hearing(folder, run)
    second.attend()
    assert second.address == address
    assert heard(second).step == 7
    third = Hearing(folder, run)
    third.attend()
    served = Identity.read(folder / "pid")
    second.attend()
    assert Identity.read(folder / "pid") == served
    reporter.close(1)
    third.close(ended=True)
    second.close(ended=False)
    assert served
    assert not served.alive


def test_a_service_that_cannot_be_used_is_said_and_holds_nothing_up(folder: Path, training_run: Runs) -> None:
    """A token file that is not there: nothing is heard, and the reason is one line."""
    run = training_run(telemetry={"address": "telemetry.example:50051"})
    hearing = Hearing(folder, run, {"TANDEM_TOKEN_FILE": "/no/such/token"})
    hearing.attend()
    assert hearing.newest() is None
    assert "telemetry.example:50051" in hearing.trouble
    assert "\n" not in hearing.trouble
    assert not folder.exists()


def test_a_service_that_is_still_starting_when_the_run_ends_does_not_outlive_it(folder: Path, training_run: Runs) -> None:
    """Ended in the instant after it was started, before it could say who it is: no process of it is left, and none comes later."""
    hearing = Hearing(folder, training_run(telemetry=None))
    hearing.attend()
    hearing.close(ended=True)
    assert not list(processes_in(folder))


def test_no_service_is_started_before_there_is_a_worker(folder: Path, training_run: Runs) -> None:
    """Only the token is there, which workers are started with."""
    hearing = Hearing(folder, training_run(telemetry=None))
    hearing.keep()
    assert (hearing.token_file, [path.name for path in folder.iterdir()]) == (folder / "token", ["token"])


def processes_in(folder: Path) -> Iterator[str]:
    """The processes that were told of this folder."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "environ").read_bytes():
                yield entry.name
