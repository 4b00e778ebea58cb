"""Ctrl-C before a command has begun, and once more while it leaves."""

import signal
import subprocess
import sys
from typing import Any

import pytest
from tandem_operator.cli import interrupts

from tests.operator.cli.conftest import TANDEM

INTERRUPTED = """
import atexit, runpy, signal, sys

class Interrupted:
    def find_spec(name, path=None, target=None):
        if name in {modules!r}:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupted)
sys.argv = [{tandem!r}, "status"]
if {late!r}:
    atexit.register(signal.raise_signal, signal.SIGINT)
runpy.run_path({tandem!r}, run_name="__main__")
"""


@pytest.mark.parametrize("module", ["typer", "tandem_operator.cli.commands.run", "pydantic"])
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(desk: Any, module: str) -> None:
    """Exit 130, without a word: those of the command line, and those of the command."""
    ran = _interrupted(desk, module)
    assert (ran.returncode, ran.stdout, ran.stderr) == (128 + signal.SIGINT, "", "")


def test_a_second_ctrl_c_while_the_first_is_answered_changes_nothing(desk: Any) -> None:
    """Exit 130, without a word, as after one."""
    ran = _interrupted(desk, "typer", "tandem_operator.cli.exits")
    assert (ran.returncode, ran.stdout, ran.stderr) == (128 + signal.SIGINT, "", "")


@pytest.mark.parametrize(("modules", "code"), [((), 0), (("pydantic",), 128 + signal.SIGINT)])
def test_ctrl_c_while_the_command_leaves_changes_nothing(desk: Any, modules: tuple[str, ...], code: int) -> None:
    """What was to be said is said, and the exit code stands."""
    ran = _interrupted(desk, *modules, late=True)
    assert (ran.returncode, ran.stderr) == (code, "")


def test_ctrl_c_while_requests_cease_to_be_counted_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the command; no later signal is written to a socket that is closed by then, which Python would tell of in many lines."""
    restore = signal.signal

    def impatient(number: int, handler: Any) -> Any:
        before = restore(number, handler)
        if number == signal.SIGINT and handler is signal.default_int_handler:
            signal.raise_signal(signal.SIGINT)
        return before

    def count() -> None:
        with interrupts.Interrupts():
            monkeypatch.setattr(interrupts.signal, "signal", impatient)

    with pytest.raises(KeyboardInterrupt):
        count()
    monkeypatch.undo()
    assert signal.set_wakeup_fd(-1) == -1


def _interrupted(desk: Any, *modules: str, late: bool = False) -> "subprocess.CompletedProcess[str]":
    """`tandem status`, interrupted when each of `modules` is imported, and, if that is wished, as the interpreter leaves."""
    script = INTERRUPTED.format(modules=modules, tandem=TANDEM, late=late)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=desk.environ, check=False)
