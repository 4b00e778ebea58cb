"""What only a directory has: the order of system calls, locks, disks that are full, and permissions."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tandem_objects import AccessDenied, ObjectError, Store, StoreFull, durable, open_store

from tests.parts.small_disk import mounted_read_only

NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Store:
    return open_store(root.as_uri(), {})


@contextmanager
def unprivileged() -> Generator[None]:
    """Without the right of root to ignore permissions."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system calls that durability rests on, as they are made: "fsync key"."""
    made: list[str] = []

    def record(name: str, path_of: Callable[..., str]) -> None:
        real = getattr(os, name)

        def recorded(*arguments: object, **keywords: object) -> object:
            path = Path(path_of(*arguments)).name
            made.append(f"{name} {'unfinished' if path.startswith('.tandem-') else path}")
            return real(*arguments, **keywords)

        monkeypatch.setattr(os, name, recorded)

    record("fsync", lambda descriptor: str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    record("replace", lambda _, final: str(final))
    record("link", lambda _, final, **__: str(final))
    return made


@pytest.mark.parametrize(("method", "naming"), [("put", "replace"), ("put_large", "replace"), ("put_if_absent", "link")])
def test_order_of_durability(store: Store, calls: list[str], method: str, naming: str) -> None:
    """Content is on disk before it gets its name, the name before the call returns, and so are new folders."""
    getattr(store, method)("a/key", memoryview(b"data"))
    assert calls[-3:] == ["fsync unfinished", f"{naming} key", "fsync a"]
    assert "fsync store" in calls[:-3]


def test_deletes_are_durable(store: Store, calls: list[str]) -> None:
    """A delete that has returned cannot be undone by a power cut: retention counts on manifests going before chunks."""
    store.put("a/1", b"")
    store.put("a/2", b"")
    calls.clear()
    store.delete(["a/1"])
    assert calls == ["fsync a"]


def test_empty_folders_go(store: Store, root: Path) -> None:
    """Deleting the last object of a folder removes it and its parents, but never the store's own."""
    store.put("a/b/c", b"")
    store.put("a/d", b"")
    store.delete(["a/b/c"])
    assert not (root / "a/b").exists()
    store.delete(["a/d"])
    assert list(root.iterdir()) == []


def test_folders_that_come_and_go(store: Store) -> None:
    """Writers whose folder is removed by deleters at every moment write all the same."""

    def work(number: int) -> bool:
        key = f"a/b/{number}"
        for _ in range(40):
            written = store.put_if_absent(key, b"data") and store.get(key) == b"data"
            store.delete([key])
            if not written:
                return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(4)))


def test_living_writers_are_not_swept(store: Store, root: Path) -> None:
    """A file that is still being written stays; one whose writer is gone goes, and so does what it was named."""
    root.mkdir()
    dead = root / ".tandem-dead"
    dead.write_bytes(b"half")
    with durable.unfinished(root, b"data") as alive:
        store.put("a", b"")
        assert alive.exists()
    assert not dead.exists()
    assert [info.key for info in store.list("")] == ["a"]


def test_swept_before_it_was_locked(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer whose file a sweeper took in the moment between open and lock writes again."""
    real, swept = fcntl.flock, list[Path]()

    def sweeper_comes_first(descriptor: int, operation: int) -> None:
        if not swept:
            swept.extend(root.glob(".tandem-*"))
            swept[0].unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweeper_comes_first)
    assert store.put_if_absent("a", b"data")
    assert swept
    assert store.get("a") == b"data"


@pytest.mark.parametrize("method", ["put", "put_large", "put_if_absent"])
def test_full_disk(disk: Path, method: str) -> None:
    """A full disk is StoreFull in one line with the path; what was there stays, nothing half stays, and room cures it."""
    store = open_store(disk.as_uri(), {})
    store.put("old", b"old")
    with pytest.raises(StoreFull, match=rf"^{disk}/new does not fit on its disk \(.*\): make room or use another directory$"):
        getattr(store, method)("new", memoryview(bytes(100 << 20)))
    assert [info.key for info in store.list("")] == ["old"]
    assert [path.name for path in disk.iterdir()] == ["old"]
    store.put("new", bytes(1 << 20))


def test_read_only_disk(disk: Path) -> None:
    """A disk mounted read-only can be read, and says so when written."""
    store = open_store(disk.as_uri(), {})
    store.put("a", b"old")
    mounted_read_only(disk)
    for write in (lambda: store.put("b", b""), lambda: store.put_if_absent("b", b""), lambda: store.delete(["a"])):
        with pytest.raises(AccessDenied, match=r"^\S+ may not be written by user \d+ \(Read-only file system\): mount it for writing$"):
            write()
    assert store.get("a") == b"old"


def test_permissions() -> None:
    """A directory that may not be read or written is AccessDenied in one line with the path and the user."""
    with tempfile.TemporaryDirectory() as folder, unprivileged_folder(Path(folder)) as root:
        store = open_store(root.as_uri(), {})
        for write in (lambda: store.put("a/b", b""), lambda: store.put_if_absent("c", b""), lambda: store.delete(["secret"])):
            with pytest.raises(AccessDenied, match=rf"^{root}/\S+ may not be written by user \d+ .*: change its permissions"):
                write()
        with pytest.raises(AccessDenied, match=rf"^{root}/secret may not be read by user \d+"):
            store.get("secret")


@contextmanager
def unprivileged_folder(folder: Path) -> Generator[Path]:
    (folder / "secret").write_bytes(b"")
    (folder / "secret").chmod(0)
    folder.chmod(0o555)
    with unprivileged():
        yield folder
    folder.chmod(0o755)


def test_file_system_without_links(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where link(2) does not exist, commits are refused in one line rather than done in an unsafe way."""

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(
        ObjectError, match=r"^\S+ is on a file system without hard links, which commits need: use another directory or s3://$"
    ):
        store.put_if_absent("a", b"")
    assert list(store.list("")) == []


def test_broken_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An fsync that fails means that nothing was stored, and is told."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    store.put("a", b"old")
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(ObjectError, match="Input/output error"):
        store.put("a", b"new")
    assert store.get("a") == b"old"


def test_other_files_beside_objects(store: Store, root: Path) -> None:
    """Links to objects elsewhere are followed, and broken ones ignored."""
    store.put("a", b"data")
    (root / "b").symlink_to("a")
    (root / "c").symlink_to("nowhere")
    assert [info.key for info in store.list("")] == ["a", "b"]
    assert store.get("b") == b"data"
