"""What keeps a snapshot from being whole, or from being taken: it is said, and neither the run nor another snapshot suffers."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tandem.reasoning.v1.reasoning_pb2 import Status
from tandem_objects import Store, open_store
from tandem_reasoning.coordinator.keeping.cadence import unseen_nano
from tandem_reasoning.coordinator.keeping.restoring import restored
from tandem_reasoning.coordinator.keeping.shelf import KEPT, Shelf
from tandem_reasoning.ledger import DamagedError, Ledger

from tests.parts.minio_server import MinioServer
from tests.services.reasoning.keeping.taking import CAP, RUN, again, gone, snapshots, whole
from tests.services.reasoning.ledger.asking import load


def test_a_damaged_snapshot_is_passed_over(store: Store, path: Path, ledger: Ledger) -> None:
    """The one before is taken, and what may have been spent since is booked; where none is whole, the run is not begun anew."""
    shelf = Shelf(store, RUN)
    taking = snapshots(shelf, shelf.claim(), path)
    assert taking.take(Status())
    ledger.close()
    assert taking.take(Status(), ended=True)
    gone(path)
    keys = [each.key for each in store.list(f"{RUN}/snapshots/")]
    store.put(keys[1], store.get(keys[1])[:-1] + b"?")
    back = again(shelf, path)
    assert back.sums.total.spent_nano == 5 + unseen_nano(CAP)
    back.close()
    gone(path)
    store.put(keys[0], store.get(keys[0])[:-1] + b"?")
    with pytest.raises(DamagedError, match="none is whole"):
        restored(shelf, shelf.claim(), path, run=RUN, cap_nano=CAP, now=5)
    assert list(path.parent.iterdir()) == []


@pytest.mark.usefixtures("ledger")
def test_a_store_that_is_away_stops_nobody(path: Path, tmp_path: Path) -> None:
    """A snapshot that cannot be stored is said, and the next one is taken as if nothing had been."""
    store = open_store((tmp_path / "store").as_uri(), os.environ)
    shelf = Shelf(store, RUN)
    taking = snapshots(shelf, shelf.claim(), path)
    folder = Path(urlsplit(store.uri).path, RUN, "snapshots")
    folder.write_text("in the way")
    assert not taking.take(Status())
    assert taking.problem
    folder.unlink()
    assert taking.take(Status())
    assert (taking.problem, taking.taken) == ("", 1)


def test_a_ledger_that_cannot_be_read_for_a_while_stops_nobody(path: Path, tmp_path: Path, ledger: Ledger) -> None:
    """What is wrong is said, and the next snapshot is taken as if nothing had been."""
    shelf = Shelf(open_store((tmp_path / "store").as_uri(), os.environ), RUN)
    taking = snapshots(shelf, shelf.claim(), path)
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(b"no ledger" * 1000)
    assert not taking.take(Status())
    assert "damaged" in taking.problem
    path.write_bytes(whole)
    assert taking.take(Status())


@pytest.mark.needs_part("minio")
def test_credentials_that_may_not_delete(minio: MinioServer, path: Path, tmp_path: Path, ledger: Ledger) -> None:
    """Older snapshots stay, which is said once; each new one is taken, and whole, the last word of a coordinator as well."""
    may = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::*"]}
    minio.admin.policy_add("adds-only", policy={"Version": "2012-10-17", "Statement": [may]})
    shelf = Shelf(open_store(f"s3://{minio.new_bucket()}/runs", minio.new_user("adds-only")), RUN)
    taking = snapshots(shelf, shelf.claim(), path)
    for number in range(KEPT + 2):
        load(ledger, f"more-{number}")
        assert taking.take(Status())
    ledger.close()
    assert taking.take(Status(), ended=True)
    assert whole(shelf, tmp_path / "fetched") == [(number, True) for number in range(KEPT + 3, 0, -1)]
    assert next(shelf.newest_first()).ended


def test_a_snapshot_that_failed_half_way_spoils_none(path: Path, tmp_path: Path, ledger: Ledger) -> None:
    """Nobody knows how much of it there is: the next one gets a name of its own."""
    store = open_store((tmp_path / "store").as_uri(), os.environ)
    shelf = Shelf(store, RUN)
    taking = snapshots(shelf, shelf.claim(), path)
    folder = Path(urlsplit(store.uri).path, RUN, "manifests")
    folder.write_text("in the way")
    assert not taking.take(Status())
    folder.unlink()
    load(ledger, "more")
    assert taking.take(Status())
    assert whole(shelf, tmp_path / "fetched") == [(2, True)]
    assert [each.key for each in store.list(f"{RUN}/snapshots/")] == [f"{RUN}/snapshots/00000001-00000002.sqlite"]


def test_a_name_that_is_taken_is_a_failure(store: Store, path: Path, tmp_path: Path, ledger: Ledger) -> None:
    """Whoever took it has other bytes there: that is not told as a snapshot that was taken, and the next one is the newest and whole."""
    shelf = Shelf(store, RUN)
    term = shelf.claim()
    assert snapshots(shelf, term, path).take(Status())
    load(ledger, "more")
    second = snapshots(shelf, term, path)
    assert not second.take(Status())
    assert "somebody else" in second.problem
    assert second.take(Status())
    assert whole(shelf, tmp_path / "fetched")[0] == (2, True)
