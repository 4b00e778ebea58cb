"""How tests take snapshots of a run's ledger, lose it, and go on from them."""

from pathlib import Path

from tandem_reasoning.coordinator.keeping.cadence import Cadence
from tandem_reasoning.coordinator.keeping.restoring import restored
from tandem_reasoning.coordinator.keeping.shelf import Shelf
from tandem_reasoning.coordinator.keeping.snapshots import Snapshots
from tandem_reasoning.ledger import Ledger

RUN, CAP = "r", 2000
CADENCE = Cadence(every_s=60, every_questions=30)


def snapshots(shelf: Shelf, term: int, path: Path) -> Snapshots:
    return Snapshots(shelf, term, path, run=RUN, cadence=CADENCE)


def gone(path: Path) -> None:
    for each in path.parent.iterdir():
        each.unlink()


def again(shelf: Shelf, path: Path) -> Ledger:
    """The next coordinator's ledger."""
    assert restored(shelf, shelf.claim(), path, run=RUN, cap_nano=CAP, now=5) is not None
    return Ledger(path, run=RUN, cap_nano=CAP)


def whole(shelf: Shelf, into: Path) -> list[tuple[int, bool]]:
    """The number of each snapshot, the newest first, and whether its bytes are those of its manifest."""
    return [(each.number, shelf.fetch(each, into)) for each in shelf.newest_first()]
