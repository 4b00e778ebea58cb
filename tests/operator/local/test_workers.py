"""Workers as child processes: started once, told apart for certain, ended for certain."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tandem_operator.local.process import kin, launch
from tandem_operator.local.process.folder import WorkerFolder
from tandem_operator.local.process.identity import Identity
from tandem_operator.local.process.workers import Workers
from tandem_operator.plan.values import SeenWorker
from tandem_operator.render.process import Process

NAME = "demo-1-0"


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    return tmp_path / "workers"


def process(parent: Path, script: str) -> Process:
    """A worker that is a line of shell."""
    environment = {"TANDEM_SCRATCH": str(parent / NAME), "PATH": os.environ["PATH"]}
    return Process(name=NAME, argv=("/bin/sh", "-c", script), environment=environment, directory=parent / NAME)


def seen(workers: Workers, true: Callable[[SeenWorker], bool]) -> SeenWorker:
    """The worker, once something is true of it."""
    deadline = time.monotonic() + 300
    while not true(worker := workers.look(now())[0]):
        assert time.monotonic() < deadline, worker
        workers.wait(0.1)
    return worker


def ended(worker: SeenWorker) -> bool:
    return worker.exit_code is not None


def claimed(parent: Path) -> Identity:
    """The worker, once it has said who it is."""
    deadline = time.monotonic() + 300
    while (known := Identity.read(parent / NAME / "pid")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return known


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ("exit 0", 0, ""),
        ("echo no such data; exit 3", 3, "no such data"),
        ("kill -9 $$", 137, "ended by SIGKILL"),
        ("""echo '{"code": 93, "message": "loss is NaN"}' > exit; exit 93""", 93, "loss is NaN"),
        ("""echo '{"code": 0, "message": ""}' > exit; kill -9 $$""", 0, ""),
    ],
)
def test_how_a_worker_ended_is_its_own_word_or_else_the_kernels(parent: Path, script: str, code: int, message: str) -> None:
    """Exit note first, exit code second, and the last line of the log where there is no message."""
    workers = Workers(parent)
    assert workers.start(process(parent, script), now())
    worker = seen(workers, ended)
    assert (worker.exit_code, worker.message) == (code, message)


def test_a_name_is_taken_for_ever(parent: Path) -> None:
    """A second start is refused, by the same shell and by any other, whether or not the worker lives."""
    workers = Workers(parent)
    assert workers.start(process(parent, "exit 0"), now())
    assert not workers.start(process(parent, "exit 0"), now())
    seen(workers, ended)
    assert not Workers(parent).start(process(parent, "exit 0"), now())


def test_a_successor_adopts_a_live_worker_and_sees_how_it_ends(parent: Path) -> None:
    """The exit note is read where waitpid cannot be asked, and the end is put on record once."""
    gate = parent.with_name("gate")
    os.mkfifo(gate)
    Workers(parent).start(process(parent, f"""read line < {gate}; echo '{{"code": 143, "message": "left"}}' > exit"""), now())
    claimed(parent)
    successor = Workers(parent)
    assert successor.look(now())[0].live
    gate.write_text("go\n")
    worker = seen(successor, ended)
    assert (worker.exit_code, worker.message) == (143, "left")
    assert Workers(parent).look(now()) == (worker,)


def test_a_recycled_pid_is_nobody_we_know(parent: Path) -> None:
    """A record with the pid of a live stranger and another start time: the worker is gone, and the stranger is let alone."""
    folder = WorkerFolder(parent / NAME)
    folder.make()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        told = launch.identity(stranger.pid)
        folder.pid.write_text(json.dumps(told | {"ticks": int(str(told["ticks"])) - 1}))
        workers = Workers(parent, grace=timedelta(0))
        workers.stop(NAME, now())
        worker = workers.look(now())[0]
        assert (worker.exit_code, worker.message.split(":")[0]) == (137, "gone without a word")
        assert stranger.poll() is None
        stranger.kill()


def test_the_same_pid_and_start_time_after_another_boot_is_another_process() -> None:
    """Ticks are counted from boot, so the boot is part of who a process is."""
    known = Identity.of(os.getpid())
    assert known
    assert known.alive
    assert not replace(known, boot="another").alive


def test_a_worker_that_was_ordered_but_never_came_has_ended_and_cannot_come_later(parent: Path) -> None:
    """A folder without a pid, left by a shell that was killed: ended as 137; the claim of the late worker is refused."""
    folder = WorkerFolder(parent / NAME)
    folder.make()
    worker = Workers(parent).look(now())[0]
    assert worker.exit_code == 137
    late = subprocess.run(["python3", "-I", "-S", launch.__file__, folder.pid, "touch", parent / "came"], check=False)
    assert (late.returncode, (parent / "came").exists()) == (launch.NOT_WANTED, False)


@pytest.mark.parametrize("text", ["", "\0" * 80, '{"pid": 1'])
def test_a_claim_that_a_power_cut_has_spoiled_is_of_a_worker_that_is_gone(parent: Path, text: str) -> None:
    """Nothing that ran before the power cut runs now."""
    folder = WorkerFolder(parent / NAME)
    folder.make()
    folder.pid.write_text(text)
    assert Workers(parent).look(now())[0].exit_code == 137


def test_a_worker_has_ended_only_when_nothing_of_it_is_left(parent: Path) -> None:
    """The agent is killed and its rank lives on in another session: the rank is killed before the end is put on record."""
    workers = Workers(parent)
    workers.start(process(parent, "setsid sleep 600 & echo $! > rank; kill -9 $$"), now())
    worker = seen(workers, ended)
    assert worker.exit_code == 137
    assert not list(kin.of(parent / NAME))


def test_stop_asks_once_and_kills_everything_after_the_grace_period(parent: Path) -> None:
    """A worker deaf to SIGTERM is seen as stopping, and is killed with its children once its time is over."""
    workers = Workers(parent, grace=timedelta(seconds=30))
    workers.start(process(parent, "trap '' TERM; sleep 600 & : > deaf; wait; wait"), now())
    while not (parent / NAME / "deaf").exists():
        time.sleep(0.01)
    asked = now()
    workers.stop(NAME, asked)
    assert (workers.look(now())[0].live, workers.look(now())[0].stopping) == (True, True)
    workers.stop(NAME, asked + timedelta(seconds=29))
    assert workers.look(now())[0].live
    workers.stop(NAME, asked + timedelta(seconds=30))
    assert seen(workers, ended).exit_code == 137
    assert not list(kin.of(parent / NAME))


def test_stop_reaches_a_worker_that_has_not_even_said_who_it_is(parent: Path) -> None:
    """SIGTERM in the instant after the start ends it as preempted: there was nothing to save."""
    workers = Workers(parent)
    workers.start(process(parent, "sleep 600"), now())
    workers.stop(NAME, now())
    assert seen(workers, ended).exit_code == 128 + signal.SIGTERM


def test_a_command_that_cannot_be_run_ends_with_its_reason(parent: Path) -> None:
    """127 and the name of what was not found; nothing is retried behind the planner's back."""
    workers = Workers(parent)
    workers.start(replace(process(parent, ""), argv=("/no/such/python", "-m", "x")), now())
    worker = seen(workers, ended)
    assert (worker.exit_code, worker.message) == (127, "/no/such/python: No such file or directory")


def test_a_worker_that_ended_unseen_ended_when_it_last_wrote(parent: Path) -> None:
    """Nobody pays for the hours between the end of a worker and the next look at it."""
    folder = WorkerFolder(parent / NAME)
    folder.make()
    folder.pid.write_text(json.dumps({"pid": 2**22 + 1, "ticks": 1, "boot": "x", "at": 1000.0}))
    folder.log.write_text("")
    for path in (folder.pid, folder.log, folder.path):
        os.utime(path, (5000, 5000))
    worker = Workers(parent).look(now())[0]
    assert (worker.since.timestamp(), worker.until and worker.until.timestamp()) == (1000, 5000)


def test_a_step_of_worker_0_is_a_sign_of_life_of_all_who_have_not_left(parent: Path) -> None:
    """Worker 1 never prints a word, yet it lived until the last step; worker 2 had said that it leaves, and is not paid for longer."""
    for rank in range(3):
        folder = WorkerFolder(parent / f"demo-1-{rank}")
        folder.make()
        folder.pid.write_text(json.dumps({"pid": 2**22 + 1, "ticks": 1, "boot": "x", "at": 1000.0}))
        folder.log.write_text("")
        os.utime(folder.log, (1000, 1000))
    _written_at(parent / "demo-1-0" / "steps.jsonl", "", 5000)
    _written_at(parent / "demo-1-2" / "exit", '{"code": 1, "message": "out of memory"}', 3000)
    ends = [worker.until.timestamp() for worker in Workers(parent).look(now()) if worker.until]
    assert ends == [5000, 5000, 3000]


def test_a_worker_that_never_came_is_not_paid_for_until_somebody_looks(parent: Path) -> None:
    """Its end is its order, although the record of it is made by the look."""
    folder = WorkerFolder(parent / NAME)
    folder.make()
    os.utime(folder.path, (1000, 1000))
    worker = Workers(parent).look(now())[0]
    assert worker.until == worker.since == datetime.fromtimestamp(1000, UTC)


def _written_at(path: Path, text: str, at: int) -> None:
    path.write_text(text)
    os.utime(path, (at, at))
