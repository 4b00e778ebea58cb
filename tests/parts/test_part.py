"""Parts: made once, whole or not at all, missing in a way that tells what to do, and never left running."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.parts import go, part
from tests.parts.part import Missing, Part, Say, obtain, required
from tests.parts.running import running

VERSION = "1.0"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path)}


def silent(_: str) -> None:
    """Say nothing."""


def made_by(make: object) -> Part:
    return Part(name="thing", version=VERSION, program="thing", make=make)  # type: ignore[arg-type]


def test_made_once(environ: dict[str, str]) -> None:
    """However many want a part at once, it is made once, under its version, and said so in lines."""
    made, said = list[Path](), list[str]()

    def make(_: Part, folder: Path, say: Say) -> None:
        made.append(folder)
        say("working")
        (folder / "thing").touch()

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: obtain(made_by(make), environ, said.append), range(8)))
    assert found == {Path(environ["XDG_CACHE_HOME"], "tandem/parts/thing/1.0/thing")}
    assert len(made) == 1
    assert said[1] == "working"


def test_never_half_made(environ: dict[str, str]) -> None:
    """A making that fails leaves no folder that the next one would take for the part; that one succeeds."""

    def fail(_: Part, folder: Path, __: Say) -> None:
        (folder / "thing").touch()
        reason = "no network"
        raise Missing(reason)

    with pytest.raises(Missing):
        obtain(made_by(fail), environ, silent)
    killed = part.cache(environ) / "thing" / "1.0.killed"
    killed.mkdir()
    obtain(made_by(lambda _, folder, __: (folder / "thing").touch()), environ, silent)
    assert not killed.exists()


@pytest.mark.parametrize(
    ("value", "is_required"), [(None, False), ("", False), ("0", False), ("false", False), ("true", True), ("1", True)]
)
def test_required_under_ci(value: str | None, is_required: bool) -> None:  # noqa: FBT001
    """A missing part fails the tests only where CI is set."""
    assert required({} if value is None else {"CI": value}) is is_required


def test_no_go(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Go a part is missing, and the reason says where Go is to be had."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Missing, match=r"^thing 1\.0 is built with Go, which is not on PATH: install it \(https://go\.dev/dl\)"):
        obtain(made_by(partial(go.install, "example.com/thing")), environ, silent)


def test_a_build_that_fails(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that fails makes the part missing, and the reason is the last line of its output."""
    monkeypatch.setattr("shutil.which", lambda _: "/bin/ls")
    with pytest.raises(Missing, match=r"^`go install example\.com/thing@1\.0` failed \(Try '/bin/ls --help' for more information\.\)"):
        obtain(made_by(partial(go.install, "example.com/thing")), environ, silent)


TESTS = """
import pytest
from tests.parts import fixtures
from tests.parts.part import Missing, Part

def make(*_):
    raise Missing("install a thing first")

@pytest.fixture
def thing(request):
    return fixtures.program(Part(name="thing", version="1", program="thing", make=make), request.config)

def test_one(thing): pass
def test_two(thing): pass
"""


@pytest.mark.parametrize(("ci", "outcome"), [("", "2 skipped"), ("true", "2 errors")])
def test_what_pytest_says(tmp_path: Path, ci: str, outcome: str) -> None:
    """Tests whose part is missing skip, or fail under CI; the summary says once how to get it."""
    (tmp_path / "test_thing.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.parts.fixtures", "-p", "no:cacheprovider", str(tmp_path)]
    environ = {**os.environ, "CI": ci, "XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    said = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert outcome in said
    assert len(re.findall("^=+ missing part: thing =+\ninstall a thing first$", said, re.MULTILINE)) == 1


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until_gone(pid: int) -> None:
    while alive(pid):
        os.sched_yield()


CHILDREN = "sleep 600 & echo $! > children; wait"


def test_stopped_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end a part is killed with everything that it started."""
    monkeypatch.chdir(tmp_path)
    children = tmp_path / "children"
    ready = lambda: children.exists() and children.read_text().endswith("\n")  # noqa: E731
    with running(["sh", "-c", CHILDREN], environ=os.environ, log=tmp_path / "log", ready=ready) as process:
        child = int(children.read_text())
        assert alive(process.pid)
        assert alive(child)
    assert process.returncode == -signal.SIGKILL
    until_gone(child)


def test_one_that_ends_early(tmp_path: Path) -> None:
    """A part that ends before it is ready is an error with the end of its log."""
    with (
        pytest.raises(RuntimeError, match=r"ended with 3: port is taken"),
        running(["sh", "-c", "echo port is taken; exit 3"], environ=os.environ, log=tmp_path / "log", ready=lambda: False),
    ):
        pass


STARTER = """
import os, sys
from pathlib import Path
from tests.parts.running import running
with running(["sleep", "600"], environ=os.environ, log=Path(sys.argv[1]), ready=lambda: True) as process:
    print(process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux")
def test_not_even_a_kill_leaves_it_behind(tmp_path: Path) -> None:
    """When the test run itself is killed by SIGKILL, its parts die with it."""
    command = [sys.executable, "-c", STARTER, str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout
        part_pid = int(starter.stdout.readline())
        assert alive(part_pid)
        starter.kill()
    until_gone(part_pid)
