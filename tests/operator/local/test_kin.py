"""What a worker has left behind is found whatever it is doing."""

import os
import subprocess
from pathlib import Path

from tandem_operator.local.process import kin


def test_a_process_that_becomes_another_program_is_found_at_every_look(tmp_path: Path) -> None:
    """It has no environment for a moment, in the middle of execve(2)."""
    script = tmp_path / "again"
    script.write_text('#!/bin/sh\nexec "$0"\n')
    script.chmod(0o755)
    with subprocess.Popen([str(script)], env={**os.environ, kin.MARK: str(tmp_path)}) as process:
        try:
            missed = sum(process.pid not in {found.pid for found in kin.of(tmp_path)} for _ in range(300))
        finally:
            process.kill()
    assert missed == 0
