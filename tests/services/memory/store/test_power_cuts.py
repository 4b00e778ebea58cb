"""What a power cut may take back of the last commits is done again at the next start, from the file beside LMDB's.

LMDB syncs data before it writes the page that says where they begin, which may be lost as long as no later commit has synced its own
data. So a cut is played by putting back the two such pages of an earlier commit, which leaves all else as it was.
"""

import errno
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest
from tandem_memory.backend import StoreFullError, StoreUnsureError
from tandem_memory.store import Remove, Store
from tandem_memory.store.disk.redo import FILE, SLOT_BYTES

from tests.services.memory.store.conftest import OpenStore
from tests.services.memory.store.jobs import NAMESPACE, append, commit, held, large

_META_BYTES = 2 * 4096  # both pages that say where the data begin

Cut = Callable[[bytes], Path]


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    """A store with a record, so that its tables are there for certain."""
    store = open_store()
    commit(store, append(large("first", 10)))
    return store


@pytest.fixture
def cut(store: Store, tmp_path: Path) -> Cut:
    """Makes the disk that is left by a power cut, on which `metas` were written last."""
    folder = store._environment.folder.parent

    def made(metas: bytes) -> Path:
        after = tmp_path / "after"
        shutil.copytree(folder, after)
        with (after / "log" / "data.mdb").open("r+b") as data:
            data.write(metas)
        return after

    return made


def metas(store: Store) -> bytes:
    with (store._environment.folder / "data.mdb").open("rb") as data:
        return data.read(_META_BYTES)


@pytest.mark.parametrize("taken_back", [0, 1, 2])
def test_no_acknowledged_commit_is_lost(store: Store, cut: Cut, open_store: OpenStore, taken_back: int) -> None:
    """Up to two commits were not kept by LMDB: they are there all the same, removals as well, and the store is sound and goes on."""
    written = [metas(store)]
    for key in ("second", "third"):
        commit(store, append(large(key, 3000)))
        written.append(metas(store))
    commit(store, Remove(namespace=NAMESPACE, positions=[1]), append(large("fourth", 10)))
    written.append(metas(store))
    again = open_store(cut(written[-1 - taken_back]))
    assert held(again) == ["second", "third", "fourth"]
    assert not again.check().findings
    commit(again, append(large("fifth", 10)))
    assert held(again) == ["second", "third", "fourth", "fifth"]
    assert held(open_store(again._environment.folder.parent)) == ["second", "third", "fourth", "fifth"]


def test_without_the_file_they_are_lost(store: Store, cut: Cut, open_store: OpenStore) -> None:
    """The cut that is played here is one."""
    before = metas(store)
    commit(store, append(large("second", 10)))
    after = cut(before)
    (after / "log" / FILE).unlink()
    assert held(open_store(after)) == ["first"]


def test_what_is_not_whole_is_not_done(store: Store, cut: Cut, open_store: OpenStore, caplog: pytest.LogCaptureFixture) -> None:
    """A cut in the middle of the file's own write: that commit was not acknowledged, and the one before is there. A line says so."""
    commit(store, append(large("second", 10)))
    before = metas(store)
    commit(store, append(large("third", 10)))
    after = cut(before)
    kept = bytearray((after / "log" / FILE).read_bytes())
    at = kept.index(b"third")
    kept[at] ^= 1
    (after / "log" / FILE).write_bytes(kept)
    assert held(open_store(after)) == ["first", "second"]
    assert f"log/{FILE}: transaction " in caplog.text


def test_a_large_commit_waits_for_lmdb(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a slot does not hold is synced as a whole; what it holds is not."""
    environment = Watched(store._environment._held)
    monkeypatch.setattr(store._environment, "_held", environment)
    commit(store, append(large("small", 10)))
    assert environment.syncs == 0
    commit(store, append(large("large", SLOT_BYTES)))
    assert environment.syncs == 1


def test_a_file_that_cannot_be_written_is_done_without(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its disk has an error: LMDB's own second sync takes its place."""
    environment = Watched(store._environment._held)
    monkeypatch.setattr(store._environment, "_held", environment)
    redo = store._environment._redo
    assert redo is not None
    monkeypatch.setattr(redo, "_descriptor", -1)
    commit(store, append(large("second", 10)))
    assert environment.syncs == 1
    monkeypatch.undo()


def test_a_commit_that_failed_is_not_done_later(store: Store, cut: Cut, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writers were told so."""
    environment = Watched(store._environment._held, fails=True)
    with monkeypatch.context() as patched:
        patched.setattr(store._environment, "_held", environment)
        with pytest.raises(StoreFullError):
            commit(store, append(large("second", 10)))
    assert held(open_store(cut(metas(store)))) == ["first"]


def test_after_a_failure_all_is_made_sure_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may have dropped what the commits before had written: the next one that succeeds waits for both syncs."""
    environment = Watched(store._environment._held, fails=True)
    with monkeypatch.context() as patched:
        patched.setattr(store._environment, "_held", environment)
        with pytest.raises(StoreFullError):
            commit(store, append(large("second", 10)))
        environment.fails = False
        for expected in (1, 1):
            commit(store, append(large(f"third {expected}", 10)))
            assert environment.syncs == expected


def test_what_was_committed_is_not_done_twice(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that fails after a large commit: whether it is on the disk is not known, and it is said to be refused."""
    environment = Watched(store._environment._held, no_sync=True)
    with monkeypatch.context() as patched:
        patched.setattr(store._environment, "_held", environment)
        with pytest.raises(StoreUnsureError, match="the disk broke off a write"):
            commit(store, append(large("large", SLOT_BYTES)))
    assert held(store).count("large") == 1


def test_what_only_made_room_was_not_committed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that fails after the small commit that frees what the last one did: what did not fit before may be written again."""
    environment = Watched(store._environment._held, fails=True, no_sync=True)
    with monkeypatch.context() as patched:
        patched.setattr(store._environment, "_held", environment)
        patched.setattr(store._environment, "_end_snapshots", lambda: setattr(environment, "fails", False))
        with pytest.raises(StoreFullError) as caught:
            commit(store, append(large("second", 10)))
    assert caught.type is StoreFullError
    assert held(store) == ["first"]


def test_the_map_grows_for_what_is_done_again(store: Store, cut: Cut, open_store: OpenStore) -> None:
    """The store was opened with a small map, of which little was left."""
    before = metas(store)
    commit(store, append(*(large(f"{number}", 9000) for number in range(100))))
    after = cut(before)
    assert len(held(open_store(after, map_bytes=1 << 19))) == 101


def test_a_file_of_another_store_is_not_used(store: Store, cut: Cut, open_store: OpenStore, tmp_path: Path) -> None:
    """Somebody put a copy in the place of the data, and left the file there."""
    other = open_store(tmp_path / "other")
    for key in ("one", "two"):
        commit(other, append(large(key, 10)))
    after = cut(metas(store))
    shutil.copy(tmp_path / "other" / "log" / FILE, after / "log" / FILE)
    assert held(open_store(after)) == ["first"]


def test_a_disk_without_room_for_the_file(open_store: OpenStore, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The store is opened and written, and the log says what is missing."""
    (tmp_path / "store" / "log" / FILE).mkdir(parents=True)
    store = open_store()
    commit(store, append(large("first", 10)))
    assert held(store) == ["first"]
    assert "each commit waits for two syncs" in caplog.text


def test_what_is_left_cannot_be_done_on_a_disk_that_takes_nothing(
    store: Store, cut: Cut, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than serve a store without what was acknowledged it is not opened, and the line says why."""
    before = metas(store)
    commit(store, append(large("second", 10)))
    after = cut(before)

    def unwritable(folder: Path, map_bytes: int) -> tuple[lmdb.Environment, bool]:
        from tandem_memory.store.disk.opening import opened_to_read

        return opened_to_read(folder, map_bytes), False

    with monkeypatch.context() as patched:
        patched.setattr("tandem_memory.store.disk.environment.opened", unwritable)
        with pytest.raises(StoreFullError, match=r"^[^\n]*its last 1 commits are still to be done again after a power cut[^\n]*$"):
            open_store(after)
    assert held(open_store(after)) == ["first", "second"]


class Watched:
    """LMDB's environment, whose syncs are counted and whose commits may fail as on a disk with an error."""

    def __init__(self, environment: Any, *, fails: bool = False, no_sync: bool = False) -> None:
        self._environment, self.fails, self._no_sync, self.syncs = environment, fails, no_sync, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def sync(self, *said: Any) -> None:
        self.syncs += 1
        if self._no_sync:
            raise lmdb.DiskError("mdb_env_sync")  # noqa: EM101 - LMDB's own words
        self._environment.sync(*said)

    def begin(self, *, write: bool = False) -> Any:
        return self._failing() if self.fails and write else self._environment.begin(write=write)

    @contextmanager
    def _failing(self) -> Any:
        with self._environment.begin(write=True) as transaction:
            yield transaction
            transaction.abort()
            full = lmdb.DiskError("mdb_txn_commit")
            vars(full)["code"] = errno.ENOSPC
            raise full
