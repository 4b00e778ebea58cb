"""Begins a coordinator whose ledger is gone from the newest whole snapshot of it.

What the snapshot does not know of is lost: answers since then are asked for again and paid again. That money may have been spent is not
lost: as much as a coordinator may spend between two snapshots is booked as spent, unless the snapshot was the last word of the last
coordinator. So the cap holds over a lost disk as long as snapshots could be taken; see `cadence`.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tandem.reasoning.v1.reasoning_pb2 import Status

from tandem_reasoning.coordinator.keeping.cadence import unseen_nano
from tandem_reasoning.coordinator.keeping.shelf import Manifest, Shelf
from tandem_reasoning.ledger import DamagedError, Ledger, State
from tandem_reasoning.ledger.jobs.restore import Restore
from tandem_reasoning.values import NANO_USD

_log = logging.getLogger(__name__)


def restored(shelf: Shelf, term: int, ledger: Path, *, run: str, cap_nano: int | None, now: float) -> Status | None:
    """Put the newest whole snapshot where the ledger was; how that stands, or None when the ledger is there, or there never was a snapshot.

    Args:
        shelf: Where snapshots lie.
        term: Of this coordinator.
        ledger: Where the ledger is to be.
        run: The run's uid.
        cap_nano: Most that may be spent.
        now: Seconds since 1970.

    Raises:
        DamagedError: when there are snapshots and none is whole: a run that was paid for is not begun anew.
        ObjectError: when the store does not give them.
    """
    if ledger.exists():
        return None
    ledger.parent.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    with _beside(ledger) as begun:
        for manifest in shelf.newest_first():
            last = manifest.ended and not tried and manifest.term == term - 1
            with suppress(DamagedError):
                if shelf.fetch(manifest, begun):
                    stands = _take_up(begun, manifest, term, run=run, cap_nano=cap_nano, unknown=not last, now=now)
                    _placed(begun, ledger)
                    return stands
            tried.append(manifest.name)
            _log.warning("snapshot %s of run %s is not whole; trying the one before", manifest.name, run)
    if tried:
        msg = f"{ledger} is gone, and of its snapshots {', '.join(tried)} none is whole; restore one by hand, or begin a new run"
        raise DamagedError(msg)
    return None


def _take_up(begun: Path, manifest: Manifest, term: int, *, run: str, cap_nano: int | None, unknown: bool, now: float) -> Status:
    """Tell the ledger what it has missed, before anybody works with it; how it stands then."""
    ledger = Ledger(begun, run=run, cap_nano=cap_nano)
    try:
        unseen = min(unseen_nano(cap_nano), _left(ledger)) if unknown else 0
        at = f"{datetime.fromtimestamp(manifest.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
        lost = f"; what was done since is done again, and ${unseen / NANO_USD:.6f} is booked for it" if unknown else ""
        ledger.do(Restore(key=f"restored/{term}", unknown_nano=unseen, message=f"Restored from the snapshot of {at}{lost}."), now=now)
        _log.warning("%s is restored from snapshot %s of %s%s", begun.stem, manifest.name, at, lost)
        return _standing(ledger)
    finally:
        ledger.close()


def _placed(begun: Path, ledger: Path) -> None:
    """Let it be the ledger; what SQLite left beside the lost one belongs to that."""
    for end in ("-wal", "-shm"):
        ledger.with_name(f"{ledger.name}{end}").unlink(missing_ok=True)
    begun.replace(ledger)


def _standing(ledger: Ledger) -> Status:
    sums = ledger.sums
    done, failed = sums.count(State.DONE), sums.count(State.FAILED)
    return Status(done=done, failed=failed, spent_nano=sums.total.spent_nano, reserved_nano=sums.total.reserved_nano)


def _left(ledger: Ledger) -> int:
    sums = ledger.sums
    return 0 if sums.cap_nano is None else max(0, sums.cap_nano - sums.total.spent_nano - sums.total.reserved_nano)


@contextmanager
def _beside(ledger: Path) -> Generator[Path]:
    """A file to work on, of which nothing is left behind."""
    begun = ledger.with_name(f"{ledger.name}.restoring")
    leftovers = [begun.with_name(f"{begun.name}{end}") for end in ("", "-wal", "-shm", "-journal", ".lock")]
    for each in leftovers:
        each.unlink(missing_ok=True)
    try:
        yield begun
    finally:
        for each in leftovers:
            each.unlink(missing_ok=True)
