"""Disks that are full, or may not be written."""

from contextlib import closing
from pathlib import Path

import pytest
from tandem_reasoning.ledger import FullError, Ledger, Settle, verify

from tests.parts.small_disk import mounted_read_only

from .asking import OpenLedger, call, claim, load, reserve, settle

MIB = 1 << 20


def fill(ledger: Ledger, item: str) -> int:
    """Record calls that were reserved before until the disk is full; how many."""
    (lease,) = claim(ledger)
    for number, ticket in enumerate([reserve(ledger, lease.hold, f"k{number}") for number in range(64)]):
        try:
            settle(ledger, ticket, call(f"k{number}", item, answer="x" * MIB))
        except FullError as error:
            assert "\n" not in str(error)  # noqa: PT017 - it comes at some time
            assert "has room" in str(error)  # noqa: PT017
            return number
    raise AssertionError


def test_a_full_disk(open_ledger: OpenLedger, disk: Path) -> None:
    """A full disk refuses what does not fit, keeps all that was acknowledged, and takes more once there is room."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(24 * MIB))
    ledger = open_ledger(disk / "ledger.db")
    load(ledger, "a", "b")
    recorded = fill(ledger, "a")
    before = ledger.sums
    assert before.total.calls == recorded > 10
    for _ in range(3):
        with pytest.raises(FullError):
            settle(ledger, recorded + 1, call(f"k{recorded}", "a", answer="x" * 8 * MIB))
        assert ledger.sums == before
        assert ledger.check() == ()
    ledger = open_ledger(disk / "ledger.db")
    assert ledger.sums == before
    ballast.unlink()
    assert settle(ledger, recorded + 1, call(f"k{recorded}", "a", answer="x" * 8 * MIB)).recorded
    assert ledger.sums.total.calls == recorded + 1
    assert ledger.check() == ()


def test_a_full_disk_ends_no_lease(open_ledger: OpenLedger, disk: Path) -> None:
    """Time in which nothing could be written does not count: nobody could keep a lease meanwhile."""
    ledger = open_ledger(disk / "ledger.db")
    load(ledger, "a")
    (lease,) = claim(ledger)
    ticket = reserve(ledger, lease.hold, "k")
    for now in range(10, 200, 10):
        with pytest.raises(FullError):
            ledger.do(Settle(ticket=ticket, call=call("k", "a", answer="x" * 80 * MIB)), now=now)
    assert claim(ledger, now=200, worker="v") == ()


def test_a_full_disk_for_a_snapshot(open_ledger: OpenLedger, disk: Path) -> None:
    """A copy that does not fit is refused, leaves no half of itself behind, and harms nothing."""
    ledger = open_ledger()
    load(ledger, "a")
    (lease,) = claim(ledger)
    for number in range(80):
        settle(ledger, reserve(ledger, lease.hold, str(number)), call(str(number), "a", answer="x" * MIB))
    with pytest.raises(FullError, match=r"copy\.db cannot be written"):
        ledger.snapshot(disk / "copy.db")
    assert list(disk.iterdir()) == []
    ledger.snapshot(disk.parent / "copy.db")
    assert verify(disk.parent / "copy.db") == ()


def test_a_disk_that_may_only_be_read(disk: Path) -> None:
    """A ledger that cannot be written is refused in one line."""
    Ledger(disk / "ledger.db", run="r", cap_nano=None).close()
    mounted_read_only(disk)
    with pytest.raises(FullError, match=r"^[^\n]*ledger.db[^\n]*$"):
        Ledger(disk / "ledger.db", run="r", cap_nano=None)
    with pytest.raises(FullError, match=r"^[^\n]*new.db[^\n]*$"):
        Ledger(disk / "new" / "new.db", run="r", cap_nano=None)


def test_a_disk_that_is_full_from_the_first(disk: Path) -> None:
    """Where there is no room to begin a ledger that is said, and none is left behind that would be taken for one."""
    ballast = disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(bytes(65 * MIB))
    with pytest.raises(FullError):
        Ledger(disk / "ledger.db", run="r", cap_nano=None)
    ballast.unlink()
    with closing(Ledger(disk / "ledger.db", run="r", cap_nano=None)) as ledger:
        assert load(ledger, "a") == 1
