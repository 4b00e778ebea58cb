"""A machine that refuses to write: what is said of it, and that it is not asked again and again."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.cli.refusal import refusal
from tandem_operator.local.state import durable

from tests.operator.cli.conftest import PATIENCE_S, TANDEM

Until = Callable[[Callable[[], object]], None]

PATIENT = """
import runpy, sys
from tandem_operator.cli import session
session._RETRY_FIRST_S = session._RETRY_LONGEST_S = 86400
sys.argv[0] = {tandem!r}
runpy.run_path({tandem!r}, run_name="__main__")
"""


def test_a_full_disk_is_said_with_the_file_and_what_to_do() -> None:
    """The kernel does not name a file that is written, only one that is opened."""
    with pytest.raises(OSError, match="No space left") as refused:
        durable.append_line(Path("/dev/full"), "{}")
    assert refusal(refused.value) == "/dev/full: No space left on device: make room on that disk"


def test_a_stop_that_cannot_be_written_names_the_file(desk: Any, until: Until) -> None:
    """Exit 74 and one line; the run goes on as if nobody had asked."""
    running = desk.start("run", desk.file(), standin={"hold_after": 50})
    until(lambda: desk.steps("demo-1-0") == 50)
    refused = subprocess.run(
        [TANDEM, "stop", "demo"],
        capture_output=True,
        text=True,
        env=desk.environ,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert (refused.returncode, refused.stderr) == (74, f"tandem: {desk.state}/runs/demo/spec.json: File too large\n")
    desk.go()
    assert "100/100" in running.communicate()[0]
    assert running.returncode == 0


def test_an_end_that_cannot_be_put_on_record_is_tried_again_only_after_the_pauses_that_are_told(desk: Any, until: Until) -> None:
    """A worker that has ended wakes its shell for as long as that is not on record."""
    running = desk.start("run", desk.file(), standin={"hold_after": 50})
    in_the_way = refused_end(desk, running, until)
    before = time.monotonic()
    desk.go()
    said = next(line for line in running.stdout if "trying again in 4 s" in line)
    assert time.monotonic() - before >= 1 + 2
    assert str(in_the_way) in said
    in_the_way.rmdir()
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0


def test_ctrl_c_ends_a_pause_at_once(desk: Any, until: Until) -> None:
    """However long it would be: here, a day."""
    running = subprocess.Popen(
        [sys.executable, "-c", PATIENT.format(tandem=TANDEM), "run", desk.file()],
        stdout=subprocess.PIPE,
        text=True,
        env=desk.environ | {"STANDIN_HOLD_AFTER": "50"},
    )
    desk.started.append(running)
    in_the_way = refused_end(desk, running, until)
    desk.go()
    assert running.stdout
    assert any("trying again in 86400 s" in line for line in running.stdout)
    in_the_way.rmdir()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0


def refused_end(desk: Any, running: "subprocess.Popen[str]", until: Until) -> Path:
    """Have a worker stand still, and a folder where its end would be written."""
    until(lambda: desk.steps("demo-1-0") == 50)
    in_the_way = desk.state / f"runs/demo/workers/demo-1-0/.ended.{running.pid}"
    in_the_way.mkdir()
    return in_the_way
