"""A run's files: whole at every instant, never silently begun anew."""

import json
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tandem_operator.api.reading.run_file import SpecError
from tandem_operator.api.status import RunPhase, RunStatus
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.local import archive
from tandem_operator.local.process import launch
from tandem_operator.local.process.folder import WorkerFolder
from tandem_operator.local.state import durable, wanted
from tandem_operator.local.state.home import Home
from tandem_operator.local.state.owner import Ownership
from tandem_operator.local.state.run_folder import RunFolder, StateError
from tandem_operator.plan.values import Event, EventKind

NOW = datetime(2026, 11, 1, tzinfo=UTC)
Folders = Callable[..., RunFolder]
Runs = Callable[..., TrainingRun]


def test_a_status_is_written_only_when_it_has_changed_and_the_one_before_is_kept(folders: Folders) -> None:
    """The same status again touches nothing; a new one leaves the old one beside it."""
    folder = folders()
    folder.write_status(RunStatus(attempt=1))
    before = (folder.path / "status.json").stat().st_ino
    folder.write_status(RunStatus(attempt=1))
    assert (folder.path / "status.json").stat().st_ino == before
    folder.write_status(RunStatus(attempt=2))
    assert folder.status().attempt == 2
    assert RunStatus.model_validate_json((folder.path / "status.previous.json").read_text()).attempt == 1


@pytest.mark.parametrize("text", ["", "{", '{"phase": "Dancing"}', "\0" * 100])
def test_a_damaged_status_is_said_in_one_line_with_a_way_on(folders: Folders, text: str) -> None:
    """Attempts and spend are never begun anew from a file that cannot be read."""
    folder = folders()
    folder.write_status(RunStatus(attempt=1))
    folder.write_status(RunStatus(attempt=2))
    (folder.path / "status.json").write_text(text)
    with pytest.raises(StateError) as error:
        folder.run()
    assert "\n" not in str(error.value)
    assert "status.json: cannot be read" in str(error.value)
    assert "status.previous.json" in str(error.value)


def test_a_status_that_is_gone_although_workers_were_started_is_no_new_run(folders: Folders) -> None:
    """Without workers there was nothing yet; with them the count of attempts is lost, and that is said."""
    folder = folders()
    assert folder.status() == RunStatus()
    (folder.workers / "demo-1-0").mkdir(parents=True)
    with pytest.raises(StateError, match="is missing although workers were started"):
        folder.status()


def test_a_disk_that_is_full_leaves_the_file_as_it_was(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write fails, the old status stays, and no rubbish is left behind."""
    folder = folders()
    folder.write_status(RunStatus(attempt=1))
    names = set(folder.path.iterdir())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        folder.write_status(RunStatus(attempt=2))
    assert folder.status().attempt == 1
    assert set(folder.path.iterdir()) == names


def test_a_line_that_was_never_finished_is_not_read_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    """A kill in the middle of an append costs that line and no other."""
    path = tmp_path / "events"
    durable.append_line(path, "one")
    path.write_text(path.read_text() + "tw")
    assert list(durable.lines(path)) == ["one"]
    durable.append_line(path, "three")
    assert list(durable.lines(path)) == ["one", "tw", "three"]


def test_events_read_back_as_they_were_said_and_a_torn_one_is_left_out(folders: Folders) -> None:
    """Kind, reason, message and moment survive."""
    folder = folders()
    said = Event(kind=EventKind.WARNING, reason="Interrupted", message='a "quoted" word')
    folder.say([said], NOW)
    with (folder.path / "events.jsonl").open("a") as file:
        file.write('{"at": "2026-')
    folder.say([said], NOW)
    assert [(happened.at, happened.event) for happened in folder.events()] == [(NOW, said), (NOW, said)]


def test_one_process_owns_a_run_until_it_dies(tmp_path: Path) -> None:
    """The lock of a killed owner is free at once, and is not inherited by anything it had started."""
    path = tmp_path / "lock"
    ready, owner = multiprocessing.get_context("spawn").Event(), None
    owner = multiprocessing.get_context("spawn").Process(target=_own, args=(path, ready))
    owner.start()
    assert ready.wait(300)
    with Ownership(path) as lock:
        assert not lock.take()
        assert lock.holder() == str(owner.pid)
        owner.kill()
        owner.join()
        assert lock.take()


def _own(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    import subprocess
    import time

    lock = Ownership(path)
    assert lock.take()
    subprocess.Popen(["sleep", "5"])
    ready.set()
    time.sleep(600)


def test_a_file_applied_again_changes_nothing_but_a_suspension(folders: Folders, training_run: Runs) -> None:
    """The generation stays; what a command has changed since stays too; the wish to rest is lifted."""
    folder = folders(budget={"usd": 1})
    wanted.ask_resume(folder, Decimal(5))
    wanted.ask_stop(folder)
    assert folder.wanted().metadata.generation == 3
    run = wanted.apply_file(folder, training_run(budget={"usd": 1}), NOW)
    assert (run.spec.suspend, run.spec.budget.usd, run.metadata.generation) == (False, 5, 4)
    assert wanted.apply_file(folder, training_run(budget={"usd": 1}), NOW) == run


def test_what_a_file_changes_is_taken_and_the_rest_stays(folders: Folders, training_run: Runs) -> None:
    """A changed budget in the file wins over the one set by command; the uid is the run's for life."""
    folder = folders(budget={"usd": 1})
    uid = folder.wanted().metadata.uid
    wanted.ask_resume(folder, Decimal(5))
    run = wanted.apply_file(folder, training_run(budget={"usd": 2}, workers=4), NOW)
    assert (run.spec.budget.usd, run.spec.workers, run.metadata.uid) == (2, 4, uid)


def test_what_checkpoints_rest_on_cannot_change(folders: Folders, training_run: Runs) -> None:
    """Trainer, seed and address are refused together once the run has begun, and nothing is written."""
    folder = folders()
    folder.write_status(RunStatus(attempt=1))
    before = folder.wanted()
    changed = training_run(trainer={"script": {"path": "/x.py"}}, data={"seed": 3}, checkpoint={"uri": "s3://bucket/x"})
    with pytest.raises(SpecError) as error:
        wanted.apply_file(folder, changed, NOW)
    assert len(error.value.problems) == 3
    assert folder.wanted() == before


def test_a_run_that_is_put_aside_keeps_everything_and_frees_its_name(tmp_path: Path, folders: Folders) -> None:
    """Checkpoints move with it; a run that somebody acts for is not moved, nor one whose workers still train."""
    folder = folders()
    home = Home(tmp_path)
    (folder.path / "checkpoints").mkdir()
    with folder.ownership() as lock:
        lock.take()
        with pytest.raises(StateError, match="tandem stop demo"):
            archive.put_aside(home, folder, NOW)
    worker = WorkerFolder(folder.workers / "demo-1-0")
    worker.make()
    worker.pid.write_text(json.dumps(launch.identity(os.getpid())))
    with pytest.raises(StateError, match="tandem stop demo"):
        archive.put_aside(home, folder, NOW)
    worker.end(0, "", NOW)
    kept = archive.put_aside(home, folder, NOW)
    assert (kept / "checkpoints").is_dir()
    assert not folder.exists


def test_a_run_that_has_outlived_its_time_is_put_aside_and_no_other(tmp_path: Path, folders: Folders) -> None:
    """A minute after its end it stays; a second later it is gone; one without a time to live stays for ever."""
    folder, home = folders(ttlSecondsAfterFinished=60), Home(tmp_path)
    folder.write_status(RunStatus(phase=RunPhase.SUCCEEDED, finished_at=NOW))
    assert archive.put_outlived_aside(home, NOW + timedelta(seconds=59)) == ()
    (line,) = archive.put_outlived_aside(home, NOW + timedelta(seconds=60))
    assert line.startswith("demo: its ttlSecondsAfterFinished is over")
    assert not folder.exists
    assert archive.put_outlived_aside(home, NOW + timedelta(days=999)) == ()


def test_a_status_reads_back_as_it_was_written(folders: Folders) -> None:
    """Dollars keep every digit, phases and moments their type."""
    folder = folders()
    status = RunStatus(phase=RunPhase.RUNNING, spent_usd=Decimal("0.123456789012"), started_at=NOW, attempt=3)
    folder.write_status(status)
    assert folder.run().status == status
