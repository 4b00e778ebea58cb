"""`tandem run` from the first command to the last: start, stop, go on, watch, take over."""

import json
import os
import pty
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.operator.cli.conftest import left

TANDEM = str(Path(sys.executable).with_name("tandem"))
HELD = {"hold_after": 50}  # until it is asked to leave, or may go on: it is found in the middle, however slow the machine is
Until = Callable[[Callable[[], object]], None]


def status(desk: Any) -> dict[str, Any]:
    return json.loads(desk.tandem("status", "demo", "-o", "json").stdout)["status"]


def test_a_run_that_is_left_alone_ends_and_says_what_to_try_next(desk: Any) -> None:
    """Exit 0, plain lines without a terminal, a picture, three commands."""
    ran = desk.tandem("run", desk.file())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "\x1b" not in ran.stdout
    assert "step 100/100" in ran.stdout
    assert "demo: done. 100/100 steps, loss 0.0500" in ran.stdout
    assert ran.stdout.count("  tandem ") == 3
    assert (desk.state / "runs" / "demo" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert desk.starts() == ["demo-1-0"]


def test_a_run_that_is_done_is_not_run_again_by_accident(desk: Any) -> None:
    """The second command starts nothing, says the loss and how to begin anew; --fresh does so."""
    file = desk.file()
    desk.tandem("run", file)
    again = desk.tandem("run", file)
    assert (again.returncode, desk.starts()) == (0, ["demo-1-0"])
    assert "loss 0.0500" in again.stdout
    assert "it has ended already, so nothing was started" in again.stdout
    fresh = desk.tandem("run", file, "--fresh")
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert desk.starts() == ["demo-1-0"]
    assert len(list((desk.state / "old").iterdir())) == 1


def test_ctrl_c_saves_and_stops_and_the_same_command_goes_on_at_the_next_step(desk: Any, until: Until) -> None:
    """SIGINT: exit 3 after a checkpoint of the last step; run again: attempt 2 begins one step later, none is lost."""
    file = desk.file()
    running = desk.start("run", file, standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 5)
    running.send_signal(signal.SIGINT)
    said = left(running)
    assert running.returncode == 3, said
    assert "a checkpoint first" in said
    stopped = status(desk)
    assert (stopped["phase"], stopped["reason"]) == ("Suspended", "SuspendRequested")
    again = desk.tandem("run", file)
    assert again.returncode == 0, again.stdout
    steps = [json.loads(line)["step"] for name in desk.starts() for line in _record(desk, name)]
    assert steps == list(range(1, 101))


def test_ctrl_c_on_a_terminal_reaches_the_command_and_not_its_workers(desk: Any, until: Until) -> None:
    """The signal goes to the whole foreground group of the terminal; workers are in sessions of their own."""
    leader, follower = pty.openpty()
    file = desk.file()
    pid = os.fork()
    if pid == 0:
        os.login_tty(follower)
        os.chdir(desk.path)
        os.execve(TANDEM, [TANDEM, "run", str(file)], desk.environ | {"STANDIN_HOLD_AFTER": "50"})  # noqa: S606 - becoming the command is the point
    os.close(follower)
    until(lambda: desk.steps("demo-1-0") > 5)
    os.write(leader, b"\x03")
    shown = _drain(leader)
    _, code = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(code) == 3, shown
    assert "Ctrl-C: checkpoint, then stop" in shown
    assert status(desk)["phase"] == "Suspended"
    assert json.loads((desk.state / "runs/demo/workers/demo-1-0/exit").read_text())["code"] == 143


def test_nohup_is_respected(desk: Any, until: Until) -> None:
    """A hangup asks to stop, unless whoever started the command said to ignore it."""
    running = desk.start("run", desk.file(), standin=HELD, ignoring=signal.SIGHUP)
    until(lambda: desk.steps("demo-1-0") > 2)
    running.send_signal(signal.SIGHUP)
    desk.go()
    said = left(running)
    assert running.returncode == 0, said


def test_kill_9_of_the_command_leaves_workers_training_and_the_next_one_adopts_them(desk: Any, until: Until) -> None:
    """The worker that the dead owner started is the worker that the new owner sees end."""
    file = desk.file()
    running = desk.start("run", file, standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    running.kill()
    running.communicate()
    assert "no process acts for it" in desk.tandem("status", "demo").stdout
    desk.go()
    again = desk.tandem("run", file)
    assert again.returncode == 0, again.stdout
    assert desk.starts() == ["demo-1-0"]


def test_a_second_command_watches_takes_over_when_the_first_dies_and_starts_nothing_twice(desk: Any, until: Until) -> None:
    """Attach, kill the owner, and the watcher brings the run to its end."""
    file = desk.file()
    first = desk.start("run", file, standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    second = desk.start("run", file)
    until(lambda: "you are watching" in (second.stdout.readline() if second.stdout else ""))
    first.kill()
    desk.go()
    said = left(second)
    assert second.returncode == 0, said
    assert "demo: done" in said
    assert desk.starts() == ["demo-1-0"]


def test_ctrl_c_while_watching_only_leaves(desk: Any, until: Until) -> None:
    """Exit 130, and the run goes on to its end with its owner."""
    file = desk.file()
    first = desk.start("run", file, standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    second = desk.start("run", file)
    until(lambda: "you are watching" in (second.stdout.readline() if second.stdout else ""))
    second.send_signal(signal.SIGINT)
    said = left(second)
    assert (second.returncode, "goes on" in said) == (130, True)
    desk.go()
    said = left(first)
    assert first.returncode == 0, said


def test_stop_works_with_an_owner_and_without_one_and_resume_goes_on(desk: Any, until: Until) -> None:
    """stop, resume, kill -9, stop, resume: the run ends well and no step is lost."""
    running = desk.start("run", desk.file(), standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    stopped = desk.tandem("stop", "demo")
    assert (stopped.returncode, "demo: stopped" in stopped.stdout) == (0, True), stopped.stdout
    said = left(running)
    assert running.returncode == 3, said
    resumed = desk.start("resume", "demo", standin={"hold_after": 90})
    until(lambda: desk.steps("demo-2-0") > 2)
    resumed.kill()
    resumed.communicate()
    assert desk.tandem("stop", "demo").returncode == 0
    assert desk.tandem("resume", "demo").returncode == 0
    steps = [json.loads(line)["step"] for name in desk.starts() for line in _record(desk, name)]
    assert steps == list(range(1, 101))


def test_a_budget_stops_the_run_and_a_larger_one_lets_it_go_on(desk: Any, until: Until) -> None:
    """At 36 dollars an hour a worker costs a cent a second: warned, stopped with exit 3, and resumed with more."""
    price = {"warnAt": 0.00001, "usdPerWorkerHour": 36}
    running = desk.start("run", desk.file(budget={"usd": 1000, **price}), standin=HELD)
    until(lambda: "warning: BudgetNearlyExhausted" in (running.stdout.readline() if running.stdout else ""))
    file = desk.file(budget={"usd": 0.02, **price})
    stopped = desk.tandem("run", file)
    said = left(running)
    assert (running.returncode, stopped.returncode) == (3, 3), said
    spent = float(status(desk)["spentUsd"])
    assert spent >= 0.02
    assert {float(suggested) > spent for suggested in re.findall(r"tandem resume demo --budget-usd ([\d.]+)", said)} == {True}
    assert desk.tandem("run", file).returncode == 3, "the same file has the same budget"
    resumed = desk.tandem("resume", "demo", "--budget-usd", "10")
    assert resumed.returncode == 0, resumed.stdout
    assert status(desk)["step"] == 100


def test_a_run_that_fails_at_the_same_step_twice_ends_with_exit_1_and_its_reason(desk: Any) -> None:
    """NoProgress is said with the worker's own words."""
    ran = desk.tandem("run", desk.file(), standin={"fall_at": 7})
    assert ran.returncode == 1, ran.stdout
    assert ran.stdout.count("fell at step 7") == ran.stdout.count("fell at step 7", 0, ran.stdout.index("demo: failed")) + 1
    assert "Failed: NoProgress\n" in ran.stdout
    assert desk.starts() == ["demo-1-0", "demo-2-0"]


def test_a_file_that_changed_is_taken_or_refused_by_field(desk: Any, until: Until) -> None:
    """A longer last phase raises the generation; another seed is refused in one line and changes nothing."""
    desk.start("run", desk.file(), standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    desk.tandem("stop", "demo")
    refused = desk.tandem("run", desk.file(data={"seed": 4}))
    assert refused.returncode == 2
    assert "spec.data.seed: 0 cannot become 4" in refused.stderr
    assert refused.stderr.count("\n") == 1
    longer = desk.file(phases=[{"name": "warmup", "steps": 20}, {"name": "pretrain", "steps": 90}])
    ran = desk.tandem("run", longer)
    assert ran.returncode == 0, ran.stdout
    assert yaml.safe_load(desk.tandem("status", "demo", "-o", "yaml").stdout)["metadata"]["generation"] > 1
    assert status(desk)["step"] == 110


def test_secrets_of_the_shell_do_not_reach_workers_and_what_training_needs_does(desk: Any, until: Until) -> None:
    """GITHUB_TOKEN stays; AWS_* and what TANDEM_PASS names go through."""
    desk.environ |= {"GITHUB_TOKEN": "x", "AWS_REGION": "eu-west-1"}
    desk.start("run", desk.file(), standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 0)
    pid = json.loads((desk.state / "runs/demo/workers/demo-1-0/pid").read_text())["pid"]
    names = {entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0")}
    assert {"AWS_REGION", "STANDIN_HOLD_AFTER", "TANDEM_SCRATCH"} <= names
    assert "GITHUB_TOKEN" not in names


def test_a_run_that_ends_at_once_leaves_no_process_behind(desk: Any) -> None:
    """No worker was wanted, so no telemetry service was started either."""
    ran = desk.tandem("run", desk.file(telemetry=None, suspend=True))
    assert (ran.returncode, desk.starts()) == (3, []), ran.stdout
    assert not (desk.state / "runs" / "demo" / "telemetry" / "log").exists()
    assert not list(desk.processes())


def test_a_run_that_may_take_no_time_is_refused(desk: Any) -> None:
    """Exit 2 and the line with field, value and fix; not even a folder of the run is made."""
    ran = desk.tandem("run", desk.file(telemetry=None, deadline="0s"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert 'spec.deadline: "0s" is no time at all: write a longer one or leave it out' in ran.stderr
    assert not (desk.state / "runs" / "demo").exists()


def test_a_run_of_which_everything_was_killed_is_not_said_to_run(desk: Any, until: Until) -> None:
    """Workers gone, nobody acts: said with the way on, in the table too, and the object for programs is as it was."""
    running = desk.start("run", desk.file(), standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    running.kill()
    running.communicate()
    assert "1 of its workers trains on" in " ".join(desk.tandem("status", "demo").stdout.split())
    os.kill(json.loads((desk.state / "runs/demo/workers/demo-1-0/pid").read_text())["pid"], signal.SIGKILL)
    until(lambda: not list(desk.processes()))
    said = desk.tandem("status", "demo").stdout
    assert "no process acts for it: it was killed, and all its workers are gone" in " ".join(said.split())
    assert "tokens/s" not in said
    assert max(len(line) for line in said.splitlines() if "://" not in line) <= 120
    assert "`tandem resume demo`" in " ".join(desk.tandem("status").stdout.split())
    assert status(desk)["phase"] in {"Pending", "Running"}


def test_whoever_stops_a_run_is_not_told_that_it_goes_on(desk: Any, until: Until) -> None:
    """`tandem stop` watches the owner stop it."""
    running = desk.start("run", desk.file(), standin=HELD)
    until(lambda: desk.steps("demo-1-0") > 2)
    said = desk.tandem("stop", "demo").stdout
    assert "the run is stopped all the same" in said
    assert "goes on\n" not in said.partition("demo: stopped")[0]
    left(running)


@pytest.mark.slow
def test_reports_of_the_workers_reach_the_status_through_the_telemetry_service(desk: Any) -> None:
    """The service is started beside the run, heard, and gone when the run has ended."""
    ran = desk.tandem("run", desk.file(telemetry=None), standin={"report": 1, "step_s": 0.03})
    assert ran.returncode == 0, ran.stdout
    assert status(desk)["checkpoint"]["step"] == 100
    telemetry = desk.state / "runs" / "demo" / "telemetry"
    assert (telemetry / "token").stat().st_mode & 0o777 == 0o600
    assert not Path(f"/proc/{json.loads((telemetry / 'pid').read_text())['pid']}/environ").exists()


def _record(desk: Any, worker: str) -> list[str]:
    return (desk.state / "runs" / "demo" / "workers" / worker / "steps.jsonl").read_text().splitlines()


def _drain(terminal: int) -> str:
    shown = b""
    try:
        while block := os.read(terminal, 4096):
            shown += block
    except OSError:  # the other side has gone
        pass
    return shown.decode(errors="replace")
