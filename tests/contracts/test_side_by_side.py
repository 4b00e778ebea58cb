"""Servers that a group of tests shares are up for that group, and no longer."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PLACES = ("tests/services/memory/cassandra/test_it.py", "tests/services/memory/program/test_clustered.py")
_CONFTEST = """
import pathlib, pytest

def say(line):
    with pathlib.Path("said").open("a") as said:
        print(line, file=said)

@pytest.fixture(scope="session")
def cassandra():
    say("up")
    yield
    say("down")

@pytest.fixture(scope="session")
def keyspace(cassandra):
    say("made")
    yield say
    say("dropped")
"""


def test_what_a_group_shares_ends_with_its_last_test(tmp_path: Path) -> None:
    """With all that was made of it, before any other test; a last test that is tried again is given what it needs anew."""
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for place in _PLACES:
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("def test_it(keyspace):\n    keyspace('asked')\n")
    with (tmp_path / _PLACES[-1]).open("a") as last:
        last.write("    import pathlib\n    assert pathlib.Path('said').read_text().count('asked') == 3\n")
    (tmp_path / "test_of_others.py").write_text("from conftest import say\n\ndef test_it():\n    say('others')\n")
    shared_out = ("-p", "tests.side_by_side", "-n", "1", "--dist", "loadscope", "--no-loadscope-reorder", "--reruns", "1")
    command = [sys.executable, "-m", "pytest", *shared_out, tmp_path]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(_ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    first, again = ["up", "made", "asked", "asked", "dropped", "down"], ["up", "made", "asked", "dropped", "down"]
    assert (tmp_path / "said").read_text().split() == [*first, *again, "others"]
