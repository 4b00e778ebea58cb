"""The log of a ledger and its file: who works the one into the other, and when."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tandem_reasoning.ledger import Ledger

from .asking import OpenLedger, call, claim, load, reserve, settle

PATIENCE_S = 60.0  # of a busy machine; it takes some seconds
MIB = 1 << 20
BEGUN = slice(12, 16)  # how often the log has begun anew (sqlite.org/fileformat2.html, "WAL File Format")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def settled(ledger: Ledger, number: int, answer: str) -> None:
    """Record a call."""
    (lease,) = claim(ledger)
    settle(ledger, reserve(ledger, lease.hold, f"k{number}"), call(f"k{number}", lease.hold.item, answer=answer))


def until(happened: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
    """Do something again and again until it has happened."""
    give_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up, "nothing happened"
        meanwhile()


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def begun(path: Path) -> bytes:
    with log_of(path).open("rb") as log:
        return log.read(BEGUN.stop)[BEGUN]


def calls_in_the_file_alone(path: Path, beside: Path) -> int:
    """How many calls somebody sees who has the file and not its log."""
    shutil.copyfile(path, beside)
    with closing(sqlite3.connect(f"{beside.as_uri()}?immutable=1", uri=True)) as file:
        try:
            return file.execute("SELECT count(*) FROM call").fetchone()[0]
        except sqlite3.DatabaseError:  # nothing there yet, or half of it
            return 0


def test_a_quiet_ledger_is_in_its_file(open_ledger: OpenLedger, path: Path) -> None:
    """Soon after the last commit, with nobody asking for more."""
    ledger = open_ledger(path)
    load(ledger, "a")
    settled(ledger, 1, "yes")
    until(lambda: calls_in_the_file_alone(path, path.with_name("alone.db")) == 1, lambda: time.sleep(0.05))


def test_the_log_of_a_busy_ledger_begins_anew(open_ledger: OpenLedger, path: Path) -> None:
    """Commits that never pause do not make it grow without end: it is written over from its beginning, and nothing of it is lost."""
    ledger = open_ledger(path)
    names = [str(number) for number in range(5000)]
    load(ledger, *names)
    numbers = iter(range(5000))
    settled(ledger, next(numbers), "x" * 20 * MIB)  # longer than a log that is left to itself
    first = begun(path)
    until(lambda: begun(path) != first, lambda: settled(ledger, next(numbers), "yes"))
    done = ledger.sums.total.calls
    ledger = open_ledger(path)
    assert ledger.sums.total.calls == done
    assert log_of(path).stat().st_size < 64 * MIB
