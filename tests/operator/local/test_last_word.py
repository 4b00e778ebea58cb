"""What an agent says on its way out is in the status of its run, however late the watch on the telemetry service would tell of it."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.local.machine import Machine
from tandem_operator.local.observe import observe
from tandem_operator.local.process.folder import WorkerFolder
from tandem_operator.local.process.identity import Identity
from tandem_operator.local.state.run_folder import RunFolder
from tandem_telemetry.client import Reporter

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STANDS_STILL_S = 2
Folders = Callable[..., RunFolder]


@pytest.fixture
def folder(folders: Folders) -> Iterator[RunFolder]:
    """Of a run in its second attempt, which reports to a service of its own."""
    folder = folders(telemetry=None)
    folder.write_status(RunStatus(phase=RunPhase.RUNNING, attempt=2, workers=1))
    yield folder
    Machine.of(folder).hearing.close(ended=True)


@pytest.mark.parametrize("code", [0, 93, 143])
def test_the_last_report_is_heard_when_its_attempt_has_ended_though_the_watch_has_told_of_nothing_yet(folder: RunFolder, code: int) -> None:
    """Done, stopped for good, or asked to leave: the service has it, so it is asked, by an owner that has only just begun to listen."""
    say(folder, step=40)
    end(folder, code, steps=41)
    seen = observe(folder.run(), Machine.of(folder), NOW)
    assert seen.report is not None
    assert seen.report.checkpoint is not None
    assert (seen.report.step, seen.report.checkpoint.step) == (41, 40)


def test_a_service_of_the_run_has_time_to_answer_though_it_was_never_heard_before(folder: RunFolder) -> None:
    """It is only busy: one that is away refuses at once."""
    say(folder, step=40)
    end(folder, 0, steps=40)
    sink = Identity.read(folder.telemetry / "pid")
    assert sink is not None
    sink.send(signal.SIGSTOP)
    threading.Timer(STANDS_STILL_S, sink.send, [signal.SIGCONT]).start()
    report = observe(folder.run(), Machine.of(folder), NOW).report
    assert report is not None
    assert report.checkpoint is not None


def test_a_token_that_is_being_replaced_leaves_the_last_question_unanswered(folder: RunFolder) -> None:
    """What is on disk is known all the same, and the run goes on."""
    end(folder, 0, steps=40)
    machine = Machine.of(folder)
    machine.hearing.keep()
    assert machine.hearing.newest() is None
    assert machine.hearing.token_file
    machine.hearing.token_file.write_text("")
    report = observe(folder.run(), machine, NOW).report
    assert report is not None
    assert (report.step, report.checkpoint) == (40, None)


def test_what_was_heard_of_an_attempt_stays_when_the_service_no_longer_answers(folder: RunFolder) -> None:
    """It is asked when all is over, and by then it may be gone, with what it knew."""
    say(folder, step=40)
    end(folder, 0, steps=40)
    machine = Machine.of(folder)
    machine.hearing.hear_out(2)
    Machine.of(folder).hearing.close(ended=True)
    report = observe(folder.run(), machine, NOW).report
    assert report is not None
    assert report.checkpoint is not None


def test_an_attempt_that_was_never_heard_of_is_over_all_the_same(folder: RunFolder) -> None:
    """There is no service any more, or there never was: the record on disk is all there is to know."""
    end(folder, 0, steps=40)
    machine = Machine.of(folder)
    machine.hearing.keep()
    report = observe(folder.run(), machine, NOW).report
    assert report is not None
    assert (report.step, report.checkpoint) == (40, None)


def say(folder: RunFolder, *, step: int) -> None:
    """Report a checkpoint as the agent of the second attempt, and leave when the service has it."""
    hearing = Machine.of(folder).hearing
    hearing.attend()
    assert hearing.address is not None
    reporter = Reporter(hearing.address, hearing.token_file)
    report = WorkerReport(step=step)
    report.source.namespace, report.source.run, report.source.attempt = "default", "demo", 2
    report.at.FromDatetime(NOW)
    report.checkpoint.step, report.checkpoint.uri = step, "file:///newest"
    report.checkpoint.at.FromDatetime(NOW)
    reporter.report(report)
    assert reporter.close(300)


def end(folder: RunFolder, code: int, *, steps: int) -> None:
    """The worker of the second attempt has ended, after so many steps."""
    worker = WorkerFolder(folder.workers / "demo-2-0")
    folder.workers.mkdir(exist_ok=True)
    assert worker.make()
    lines = ({"step": step, "loss": 1.0, "phase": "pretrain", "at": NOW.isoformat()} for step in range(1, steps + 1))
    worker.steps.write_text("".join(json.dumps(line) + "\n" for line in lines))
    worker.end(code, "", NOW)
