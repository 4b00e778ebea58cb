"""A second try rescues a session from an accident, not from a habit, and hides neither."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FAILS_FIRST = """
import pathlib, pytest

@pytest.mark.parametrize("n", range({tests}))
def test_it(n):
    seen = pathlib.Path(__file__).with_name(f"seen-{{n}}")
    try:
        assert seen.exists(), "not seen before"
    finally:
        seen.touch()
"""


def _session(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """What becomes of a session whose tests are this text."""
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "tests.second_tries", "--reruns", "1", "-c", folder / "pytest.ini", folder]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("tests", "exit_code", "said"), [(3, 0, "3 passed, 3 rerun"), (4, 1, "4 tests needed a second try")])
def test_three_are_an_accident_and_four_are_not(tmp_path: Path, tests: int, exit_code: int, said: str) -> None:
    ended = _session(tmp_path, _FAILS_FIRST.format(tests=tests))
    assert (ended.returncode, ended.stdout.count("AssertionError: not seen before")) == (exit_code, tests), ended.stdout
    assert said in ended.stdout


def test_what_fails_twice_fails(tmp_path: Path) -> None:
    ended = _session(tmp_path, "def test_it():\n    assert not 'ever'\n")
    assert ended.returncode == 1
    assert "1 failed, 1 rerun" in ended.stdout
