"""Disks that are full, may not be written, or hold something else."""

import errno
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import lmdb
import pytest
from tandem_memory.backend import DamagedError, ReadingLostError, StoreFullError
from tandem_memory.store import FormatError, InUseError, Remove, Store
from tandem_memory.store.disk.tables import Table

from tests.parts.small_disk import mounted_read_only

from .conftest import OpenStore, now
from .jobs import NAMESPACE, append, commit, held, large

MIB = 1 << 20

DIES = """
import os, sys
from pathlib import Path
from tandem_memory.store import Store
store = Store(Path(sys.argv[1]), now=None)
os.kill(os.getpid(), 9)
"""


def fill(store: Store) -> list[str]:
    """Append until the disk is full; the keys that were taken."""
    taken: list[str] = []

    def for_ever() -> None:
        while True:
            commit(store, append(large(str(len(taken)), MIB)))
            taken.append(str(len(taken)))

    with pytest.raises(StoreFullError, match=r"^[^\n]*store/log cannot be written[^\n]*$"):
        for_ever()
    return taken


def test_a_full_disk(open_store: OpenStore, disk: Path) -> None:
    """A full disk refuses what does not fit, serves what is there, and takes more once there is room."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(32 * MIB))
    store = open_store(disk / "store")
    taken = fill(store)
    assert len(taken) > 10
    for _ in range(3):
        assert held(store) == taken
        with pytest.raises(StoreFullError):
            commit(store, append(large("never", 8 * MIB)))
    store = open_store(disk / "store")
    assert held(store) == taken
    ballast.unlink()
    commit(store, append(large("more", 8 * MIB)))
    assert held(store) == [*taken, "more"]
    assert store.check().findings == []


def test_a_long_reading_gives_way_on_a_full_disk(open_store: OpenStore, disk: Path) -> None:
    """While somebody reads at one moment, what is removed keeps its place; before that costs a writer its room, the reading ends."""
    store = open_store(disk / "store")
    commit(store, append(large("0", MIB)))
    with store.snapshot() as snapshot:
        for number in range(1, 100):  # three times the disk
            store.commit([Remove(namespace=NAMESPACE, positions=[2 * number - 1])])
            commit(store, append(large(str(number), 2 * MIB)))
        with pytest.raises(ReadingLostError, match="begin again"), snapshot.reading():
            raise AssertionError
    assert held(store) == ["99"]
    assert store.check().findings == []


class BreaksOff:
    """An environment of LMDB whose disk fails at the page that makes a write count: from then on it serves nobody."""

    def __init__(self, held: Any) -> None:
        self._held, self._broken = held, False

    def begin(self, *, write: bool = False) -> Any:
        if self._broken:
            raise lmdb.PanicError
        if not write:
            return self._held.begin()
        self._broken = True
        error: Any = lmdb.Error("mdb_txn_commit: Input/output error")
        error.code = errno.EIO
        raise error

    def close(self) -> None:
        self._held.close()


def test_a_disk_that_fails_at_the_last_page(open_store: OpenStore) -> None:
    """When LMDB gives its files up over a write that broke off, all that is there is served at once, and the next write may do."""
    store = open_store()
    commit(store, append(large("a", 10)))
    environment: Any = store._environment
    environment._held = BreaksOff(environment._held)
    with pytest.raises(StoreFullError, match=r"^[^\n]*store/log cannot be written: mdb_txn_commit[^\n]*$"):
        commit(store, append(large("b", 10)))
    assert held(store) == ["a"]
    commit(store, append(large("c", 10)))
    assert held(store) == ["a", "c"]


def test_files_that_cannot_be_opened_again(open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What kept them from being opened after a disk failed may pass: the next write opens them."""
    store = open_store()
    commit(store, append(large("a", 10)))
    environment: Any = store._environment
    environment._held = BreaksOff(environment._held)
    with monkeypatch.context() as full:
        full.setattr("tandem_memory.store.disk.environment.opened", lambda *_: (_ for _ in ()).throw(lmdb.InvalidError))
        with pytest.raises(DamagedError):
            commit(store, append(large("b", 10)))
    assert "store/log cannot be opened: " in (store.trouble() or "")
    commit(store, append(large("c", 10)))
    assert store.trouble() is None
    assert held(store) == ["a", "c"]


def test_a_full_disk_for_a_copy(open_store: OpenStore, disk: Path) -> None:
    """Which disk is full is said: not the one that the store is on."""
    store = open_store()
    for number in range(5):
        commit(store, append(large(str(number), 16 * MIB)))
    with pytest.raises(StoreFullError, match=rf"^{re.escape(str(disk))}/copy/log cannot be written"):
        store.copy(disk / "copy")


def test_a_copy_leaves_what_is_kept_for_removals(open_store: OpenStore, disk: Path) -> None:
    """One that would take it of the store's own disk is not begun: who appends meanwhile is not refused over it."""
    store = open_store(disk / "store")
    for number in range(4):
        commit(store, append(large(str(number), 8 * MIB)))
    with pytest.raises(StoreFullError, match=r"copy cannot be written: a copy takes 32 MiB, "):
        store.copy(disk / "copy")
    assert not any(path.is_file() for path in (disk / "copy").rglob("*"))
    commit(store, append(large("more", 8 * MIB)))


def test_room_is_made_by_removing(open_store: OpenStore, disk: Path) -> None:
    """On a full disk records can be removed, and their place is used again."""
    store = open_store(disk / "store")
    taken = fill(store)
    commit(store, Remove(namespace=NAMESPACE, positions=range(1, 21)))
    commit(store, append(large("small", 1000)))
    assert len(fill(store)) > 10
    assert held(store)[: len(taken) - 19] == [*taken[20:], "small"]


def test_a_disk_that_may_only_be_read(disk: Path) -> None:
    """A store on a disk that is mounted for reading is served, and refuses what is new."""
    with closing(Store(disk / "store", now=now)) as store:
        commit(store, append(large("a", 10)))
        assert store.trouble() is None
    mounted_read_only(disk)
    with closing(Store(disk / "store", now=now)) as store:
        assert store.trouble() == f"{disk}/store/log may not be written; let the service write it"
        for _ in range(2):
            with pytest.raises(StoreFullError):
                commit(store, append(large("b", 10)))
            assert held(store) == ["a"]
        assert store.check().findings == []


def test_a_store_of_an_earlier_version_that_may_only_be_read(disk: Path) -> None:
    """Tables that came later are taken for empty where none can be made: what is there is served, and nothing is wrong with it."""
    with closing(Store(disk / "store", now=now)) as store:
        commit(store, append(large("a", 10)))
    with lmdb.Environment(str(disk / "store" / "log"), max_dbs=len(Table)) as environment, environment.begin(write=True) as earlier:
        for table in (Table.FORGOTTEN, Table.FOLDED):
            earlier.drop(environment.open_db(table.encode(), earlier))
    mounted_read_only(disk)
    with closing(Store(disk / "store", now=now)) as store:
        assert held(store) == ["a"]
        assert store.check().findings == []
        with pytest.raises(StoreFullError):
            commit(store, append(large("b", 10)))


def test_a_new_store_where_nothing_may_be_written(disk: Path) -> None:
    """Where there is no store and none can be begun, that is said in one line."""
    mounted_read_only(disk)
    with pytest.raises(StoreFullError, match=r"^[^\n]*store/log cannot be opened: Read-only file system$"):
        Store(disk / "store", now=now)


@pytest.mark.parametrize("removed", ["store/log/data.mdb", "store"])
def test_files_that_were_removed(open_store: OpenStore, tmp_path: Path, removed: str) -> None:
    """Nothing is taken into a file that no next start would find; what was there is served, and a copy of it brings it back."""
    store, gone = open_store(tmp_path / "store"), tmp_path / removed
    commit(store, append(large("a", 10)))
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()
    for _ in range(2):
        with pytest.raises(StoreFullError, match=r"^[^\n]*lost its data.mdb[^\n]*$"):
            commit(store, append(large("b", 10)))
    assert held(store) == ["a"]
    store.copy(tmp_path / "copy")
    assert held(open_store(tmp_path / "copy")) == ["a"]


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """A store that is open is not opened a second time, and is free once its process is gone, however it went."""
    folder = tmp_path / "store"
    dying = [sys.executable, "-c", DIES, str(folder)]
    with closing(Store(folder, now=now)):
        done = subprocess.run(dying, capture_output=True, text=True, check=False)
        assert "InUseError" in done.stderr
        with pytest.raises(InUseError):
            Store(folder, now=now)
    assert subprocess.run(dying, check=False).returncode == -signal.SIGKILL
    Store(folder, now=now).close()


def test_a_later_version(tmp_path: Path) -> None:
    """What a later version wrote is not touched, and both versions are said."""
    with closing(Store(tmp_path, now=now)) as store:
        store._environment.write(lambda transaction: transaction.put(Table.FORMAT, b"version", b"tandem memory 2"))
    with pytest.raises(FormatError, match="'tandem memory 2'; this version reads 'tandem memory 1'"):
        Store(tmp_path, now=now)


def test_something_else(tmp_path: Path) -> None:
    """A file that is no store is said to be damaged, and left alone."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "data.mdb").write_bytes(b"letters" * 5000)
    with pytest.raises(DamagedError):
        Store(tmp_path, now=now)
    assert (tmp_path / "log" / "data.mdb").read_bytes() == b"letters" * 5000
