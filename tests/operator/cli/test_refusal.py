"""A machine that refuses to write: what is said of it, and that it is not asked again and again."""

import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.cli.refusal import refusal
from tandem_operator.local.state import durable

from tests.operator.cli.conftest import TANDEM

Until = Callable[[Callable[[], object]], None]


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
    """A worker that has ended wakes its shell for as long as that is not on record; Ctrl-C still does, at once."""
    running = desk.start("run", desk.file(), standin={"hold_after": 50})
    until(lambda: desk.steps("demo-1-0") == 50)
    in_the_way = desk.state / f"runs/demo/workers/demo-1-0/.ended.{running.pid}"
    in_the_way.mkdir()
    before = time.monotonic()
    desk.go()
    assert running.stdout
    said = next(line for line in running.stdout if "trying again in 4 s" in line)
    assert time.monotonic() - before >= 1 + 2
    assert str(in_the_way) in said
    in_the_way.rmdir()
    running.send_signal(2)
    assert "trying again" not in running.communicate()[0]
    assert running.returncode == 0
