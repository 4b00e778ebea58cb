"""Files that are opened, and files that are not."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tandem_reasoning.ledger import (
    Completed,
    DamagedError,
    FormatError,
    FullError,
    InUseError,
    Ledger,
    LedgerError,
    OtherRunError,
    Reader,
    schema,
    verify,
)

from .asking import OpenLedger, call, claim, complete, load, one, reserve, settle

DIES = """
import os, sys
from pathlib import Path
from tandem_reasoning.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]), run="r", cap_nano=None)
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with some of everything in it, closed."""
    path = tmp_path / "ledger.db"
    with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
        load(ledger, *map(str, range(200)))
        for lease in claim(ledger, 60):
            settle(ledger, reserve(ledger, lease.hold, lease.hold.item, 1), call(lease.hold.item, lease.hold.item, 1))
            ledger.do(complete(lease.hold), now=0)
    return path


def refused(path: Path, run: str = "r") -> str:
    """What is said of a file that is not opened; one line."""
    with pytest.raises(LedgerError) as said:
        Ledger(path, run=run, cap_nano=None)
    assert "\n" not in str(said.value)
    return f"{type(said.value).__name__}: {said.value}"


def test_all_is_there_again(open_ledger: OpenLedger) -> None:
    """A ledger that is opened again knows all it knew; the cap is the one that it is opened with."""
    ledger = open_ledger(cap_nano=100)
    load(ledger, "a", "b")
    hold = one(ledger).hold
    reserve(ledger, hold, "k")
    before = ledger.sums
    assert open_ledger(cap_nano=100).sums == before
    ledger = open_ledger(cap_nano=5)
    assert ledger.sums.cap_nano == 5
    assert ledger.sums.total == before.total
    assert open_ledger(cap_nano=None).sums.cap_nano is None


def test_a_ledger_of_another_run(path: Path) -> None:
    """Both runs are named, and the file stays as it is."""
    before = path.read_bytes()
    assert refused(path, "q") == f"OtherRunError: {path} is the ledger of run r, not of q; name another file"
    assert path.read_bytes() == before
    assert issubclass(OtherRunError, LedgerError)


def test_a_second_opener(path: Path) -> None:
    """While a process has the ledger open no other can open it, and once that is gone, however it went, the next one can."""
    with subprocess.Popen([sys.executable, "-c", DIES, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        assert refused(path) == f"InUseError: {path} is open in another process; stop that one first"
        other.send_signal(signal.SIGKILL)
        other.wait()
    with closing(Ledger(path, run="r", cap_nano=None)), pytest.raises(InUseError):
        Ledger(path, run="r", cap_nano=None)
    Ledger(path, run="r", cap_nano=None).close()


def test_a_later_version(path: Path) -> None:
    """What a later version wrote is not touched, and both versions are said."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    assert "FormatError" in refused(path)
    assert f"later version (99; this one reads up to {len(schema.STEPS)})" in refused(path)
    assert path.read_bytes() == before
    with pytest.raises(FormatError):
        verify(path)


STEP = (
    "ALTER TABLE event ADD COLUMN level TEXT NOT NULL DEFAULT 'info'",
    "CREATE TABLE note (position INTEGER PRIMARY KEY REFERENCES item, text TEXT NOT NULL) STRICT",
)


def _version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_an_older_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read as it is, and brought to this version with all that it holds by whoever goes on; then the older one refuses it."""
    with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
        before = ledger.sums
    version = len(schema.STEPS)
    assert _version(path) == version
    with monkeypatch.context() as later:
        later.setattr(schema, "STEPS", (*schema.STEPS, STEP))
        with closing(Reader(path)) as reader:
            assert len(reader.items(0, 999)) == 200
        assert verify(path) == ()
        assert _version(path) == version
        with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
            assert ledger.sums == before
            assert ledger.check() == ()
            ledger._connection.execute("INSERT INTO note VALUES (1, 'n')")
        with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
            assert ledger._connection.execute("SELECT text FROM note").fetchall() == [("n",)]
    assert "FormatError" in refused(path)


@pytest.mark.parametrize("version", range(1, len(schema.STEPS)))
def test_every_version_that_there_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """A run that an older version began is gone on with: what is done stays done, what was leased is still whose it was."""
    path = tmp_path / "ledger.sqlite"
    with monkeypatch.context() as older:
        older.setattr(schema, "STEPS", schema.STEPS[:version])
        with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
            load(ledger, "a", "b", "c")
            done, held = claim(ledger, 2)
            ledger.do(complete(done.hold), now=0)
            before = ledger.sums
    with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
        assert ledger.sums == before
        assert ledger.do(complete(held.hold), now=0) == Completed()
        assert [lease.hold.item for lease in claim(ledger, 9)] == ["c"]
        assert ledger.check() == ()


def test_a_step_that_breaks_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that does not come to its end leaves the file as it was."""
    with monkeypatch.context() as later:
        later.setattr(schema, "STEPS", (*schema.STEPS, (*STEP, "CREATE TABLE note (again)")))
        with pytest.raises(sqlite3.OperationalError):
            Ledger(path, run="r", cap_nano=100)
    with closing(Ledger(path, run="r", cap_nano=100)) as ledger:
        assert ledger.check() == ()
        assert ledger.sums.total.calls == 60


def test_something_else(tmp_path: Path) -> None:
    """Another database, a file that is none, and a folder are refused and left alone."""
    other, letters = tmp_path / "other.db", tmp_path / "letters"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (a)")
    letters.write_bytes(b"letters" * 5000)
    for path, words in ((other, "no ledger of Tandem"), (letters, "file is not a database")):
        before = path.read_bytes()
        assert f"DamagedError: {path} is " in refused(path)
        assert words in refused(path)
        assert path.read_bytes() == before
    (tmp_path / "folder").mkdir()
    assert "FullError" in refused(tmp_path / "folder")


def test_a_file_that_was_cut(path: Path) -> None:
    """A file that ends too early is refused."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2 // 4096 * 4096)
    assert "DamagedError" in refused(path)


def test_any_broken_page(path: Path) -> None:
    """Whichever page is overwritten, a ledger is refused as damaged or is sound; nothing else ever comes of it."""
    whole = path.read_bytes()
    refusals = 0
    for page in range(len(whole) // 4096):
        path.write_bytes(whole[: page * 4096] + b"\xa5" * 64 + whole[page * 4096 + 64 :])
        try:
            Ledger(path, run="r", cap_nano=100).close()
        except DamagedError as damage:
            assert "\n" not in str(damage)  # noqa: PT017 - an opened one is right as well
            refusals += 1
    assert refusals > len(whole) // 4096 // 2


def test_a_snapshot(open_ledger: OpenLedger, tmp_path: Path) -> None:
    """A copy is a whole ledger in one file, which can be opened and goes on from there; the original goes on as well."""
    ledger = open_ledger(cap_nano=100)
    load(ledger, "a", "b")
    hold = one(ledger).hold
    settle(ledger, reserve(ledger, hold, "k"), call("k", "a"))
    then = ledger.sums
    copy = tmp_path / "copy.db"
    ledger.snapshot(copy)
    ledger.do(complete(hold), now=0)
    assert verify(copy) == ()
    assert sorted(tmp_path.glob("copy.db*")) == [copy]
    copied = open_ledger(copy, cap_nano=100)
    assert copied.sums == then
    copied.do(complete(hold), now=0)
    assert copied.sums == ledger.sums


def test_snapshots_while_writing_goes_on(open_ledger: OpenLedger, tmp_path: Path) -> None:
    """Each of many copies that are made while items are completed is whole and sound, and newer than the one before."""
    from concurrent.futures import ThreadPoolExecutor

    ledger = open_ledger()
    load(ledger, *map(str, range(600)))
    done = []
    with ThreadPoolExecutor() as threads:
        copies = threads.submit(lambda: [ledger.snapshot(tmp_path / f"{number}.db") for number in range(10)])
        while not copies.done() or not done:
            for lease in claim(ledger, 1):
                ledger.do(complete(lease.hold), now=0)
                done.append(lease)
        copies.result()
    seen = []
    for number in range(10):
        copy = tmp_path / f"{number}.db"
        assert verify(copy) == ()
        with closing(Reader(copy)) as reader:
            seen.append(len([item for item in reader.items(most=600) if item.outcome]))
    assert seen == sorted(seen)


def test_nothing_to_look_into(tmp_path: Path) -> None:
    """A reader begins no ledger."""
    with pytest.raises(FullError):
        Reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
