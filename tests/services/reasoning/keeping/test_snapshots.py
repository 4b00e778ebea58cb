"""A run whose coordinator loses its disk goes on from a snapshot, and neither money nor the order of coordinators is forgotten."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem.reasoning.v1.reasoning_pb2 import Status
from tandem_objects import Store, open_store
from tandem_reasoning.coordinator.keeping.cadence import Mark, unseen_nano
from tandem_reasoning.coordinator.keeping.restoring import restored
from tandem_reasoning.coordinator.keeping.shelf import KEPT, Shelf
from tandem_reasoning.ledger import Books, Complete, Discard, Ledger, Outcome, ReplacedError, Stale, State, TicketError, verify
from tandem_reasoning.report.__main__ import main as report
from tandem_reasoning.report.writing import write

from tests.services.reasoning.keeping.taking import CADENCE, CAP, RUN, again, gone, snapshots
from tests.services.reasoning.ledger.asking import call, claim, load, reserve


def test_a_run_goes_on_from_its_snapshot(store: Store, path: Path, ledger: Ledger) -> None:
    """What was answered and paid for is there again; what a worker had is free, and a call in the air is taken to be spent."""
    shelf = Shelf(store, RUN)
    (lease,) = claim(ledger, worker="other")
    reserve(ledger, lease.hold, "c/1", 40)
    assert snapshots(shelf, shelf.claim(), path).take(Status())
    ledger.close()
    gone(path)
    path.with_name(f"{path.name}-wal").write_bytes(b"of the ledger that was lost")
    back = again(shelf, path)
    assert verify(path) == back.check() == ()
    assert (back.sums.count(State.DONE), back.sums.count(State.READY), back.sums.count(State.LEASED)) == (1, 2, 0)
    assert back.sums.lanes["cloud"] == Books(
        spent_nano=45, unconfirmed_nano=40, unconfirmed_calls=1, calls=1, input_tokens=3, output_tokens=2
    )
    assert back.reader().recorded("a/1") == call("a/1", "a")
    back.close()
    assert not list(path.parent.glob("*restoring*"))


def test_what_may_have_been_spent_is_booked(store: Store, path: Path, ledger: Ledger) -> None:
    """As much as may be spent between two snapshots is spent in the books of a restored ledger, once, and never beyond the cap."""
    shelf = Shelf(store, RUN)
    snapshots(shelf, shelf.claim(), path).take(Status())
    ledger.close()
    gone(path)
    back = again(shelf, path)
    assert back.sums.total.spent_nano == 5 + unseen_nano(CAP) == 5 + CAP // 20
    (event,) = back.reader().events()
    assert event.kind == "LedgerRestored"
    assert "$0.000000 is booked" in event.message
    back.close()
    told = write(path, path.parent / "report", job=None, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert [side.name for side in told.lanes] == ["cloud"]
    assert (told.together.books.spent_nano, told.together.books.charged_nano) == (105, 100)
    assert restored(shelf, shelf.claim(), path, run=RUN, cap_nano=CAP, now=9) is None
    kept = Ledger(path, run=RUN, cap_nano=CAP)
    assert kept.sums.total.spent_nano == 5 + unseen_nano(CAP)
    kept.close()


def test_nothing_is_booked_after_a_last_word(store: Store, path: Path, ledger: Ledger) -> None:
    """A coordinator that ended in order has said all that was spent; but not once another one has begun after it."""
    shelf = Shelf(store, RUN)
    ledger.close()
    snapshots(shelf, shelf.claim(), path).take(Status(), ended=True)
    gone(path)
    back = again(shelf, path)
    assert back.sums.total.spent_nano == 5
    back.close()
    gone(path)  # the second coordinator worked, and took no snapshot
    back = again(shelf, path)
    assert back.sums.total.spent_nano == 5 + unseen_nano(CAP)
    back.close()


def test_workers_of_the_lost_time_are_stale(store: Store, path: Path, ledger: Ledger) -> None:
    """What was handed out after the snapshot gives no right to anything: neither to an item that is handed out anew nor to a ticket."""
    shelf = Shelf(store, RUN)
    snapshots(shelf, shelf.claim(), path).take(Status())
    (late,) = claim(ledger, worker="late")
    ticket = reserve(ledger, late.hold, "c/1")
    ledger.close()
    gone(path)
    back = again(shelf, path)
    held = {lease.hold.item: lease.hold for lease in claim(back, 2, now=6)}
    new = reserve(back, held["c"], "c/2")
    assert held["c"].fence > late.hold.fence
    assert new != ticket
    assert isinstance(back.do(Complete(hold=late.hold, outcome=Outcome(answer="late", lane="cloud")), now=7), Stale)
    with pytest.raises(TicketError):
        back.do(Discard(ticket=ticket), now=7)
    assert back.sums.total.reserved_nano == 10
    back.close()


def test_an_old_coordinator_adds_nothing(store: Store, path: Path, ledger: Ledger) -> None:
    """Once a later coordinator has begun, a snapshot of the one before is refused; it would not be the newest anyway."""
    shelf = Shelf(store, RUN)
    old = snapshots(shelf, shelf.claim(), path)
    assert old.take(Status())
    term = shelf.claim()
    load(ledger, "d")
    with pytest.raises(ReplacedError, match="coordinator 2 has taken over run r: coordinator 1 must stop"):
        old.take(Status())
    assert snapshots(shelf, term, path).take(Status(done=7))
    (newest, before) = shelf.newest_first()
    assert (newest.term, newest.number, newest.answered, before.term) == (2, 1, 7, 1)


def test_only_the_last_few_are_kept(store: Store, path: Path, ledger: Ledger) -> None:
    """Older snapshots are taken away, and what dead coordinators left half done; the newest is always whole."""
    shelf, uid = Shelf(store, RUN), RUN
    store.put(f"{uid}/snapshots/00000000-00000001.sqlite", b"half")
    taking = snapshots(shelf, shelf.claim(), path)
    for number in range(KEPT + 2):
        load(ledger, f"more-{number}")
        assert taking.take(Status())
    names = [f"00000001-{number:08}" for number in range(3, KEPT + 3)]
    assert [each.key for each in store.list(f"{uid}/manifests/")] == [f"{uid}/manifests/{name}.json" for name in names]
    assert [each.key for each in store.list(f"{uid}/snapshots/")] == [f"{uid}/snapshots/{name}.sqlite" for name in names]


@pytest.mark.usefixtures("ledger")
def test_runs_share_a_store(store: Store, path: Path) -> None:
    """A run finds no snapshot of another, whatever their names have in common."""
    ours, other = Shelf(store, RUN), Shelf(store, f"{RUN}/other")
    assert ours.claim() == other.claim() == 1
    snapshots(ours, 1, path).take(Status())
    assert list(other.newest_first()) == []
    assert other.claim() == 2


def mark(at: float = 0, answered: int = 0, spent_nano: int = 0, calls: int = 0) -> Mark:
    return Mark(at=at, answered=answered, spent_nano=spent_nano, calls=calls)


@pytest.mark.usefixtures("ledger")
def test_a_report_of_a_snapshot(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has only the address of a run's snapshots gets a report of the newest; an address without any is said in one line."""
    store = open_store((tmp_path / "store").as_uri(), {})
    shelf = Shelf(store, RUN)
    assert snapshots(shelf, shelf.claim(), path).take(Status())
    into = str(tmp_path / "report")
    assert report([f"{store.uri}/{RUN}", "--into", into]) == 0
    assert capsys.readouterr().out.startswith("1 of 3 questions are answered")
    assert report([f"{store.uri}/another", "--into", into]) == 2
    assert "there is no whole snapshot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        (mark(at=9), False),
        (mark(at=9, calls=1), False),
        (mark(at=60, calls=1), True),
        (mark(at=60), False),
        (mark(at=1, answered=29), False),
        (mark(at=1, answered=30), True),
        (mark(at=1, spent_nano=49), False),
        (mark(at=1, spent_nano=50), True),
    ],
)
def test_when_a_snapshot_is_due(now: Mark, *, wanted: bool) -> None:
    """After so many seconds or answers, and at half of what a loss would book; never when nothing has happened."""
    assert CADENCE.due(now, mark(), cap_nano=CAP) is wanted


def test_snapshots_leave_time_for_the_run() -> None:
    """Where one takes long, a tenth of the time goes into them at most; but money is never left for long."""
    assert not CADENCE.due(mark(at=39, answered=999), mark(), cap_nano=CAP, took_s=4)
    assert CADENCE.due(mark(at=40, answered=999), mark(), cap_nano=CAP, took_s=4)
    assert CADENCE.due(mark(at=5, spent_nano=50), mark(), cap_nano=CAP, took_s=4)
