"""Ctrl-C before a command has begun."""

import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.operator.cli.conftest import TANDEM

INTERRUPTED = """
import runpy, signal, sys

class Interrupted:
    def find_spec(name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupted)
sys.argv = [{tandem!r}, "status"]
runpy.run_path({tandem!r}, run_name="__main__")
"""


@pytest.mark.parametrize("module", ["typer", "tandem_operator.cli.commands.run", "pydantic"])
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(desk: Any, module: str) -> None:
    """Exit 130, without a word: those of the command line, and those of the command."""
    script = INTERRUPTED.format(module=module, tandem=TANDEM)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=desk.environ, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (128 + signal.SIGINT, "", "")
