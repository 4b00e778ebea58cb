"""A store in a directory: every object is a file, every "/" a folder. For one machine, or several on a shared file system.

What makes writes atomic and durable is in `durable.py`. The first write sweeps what dead writers left.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tandem_objects import durable
from tandem_objects.errors import NotFound, OutOfRange
from tandem_objects.file_errors import NO_HARD_LINKS, explained, no_hard_links
from tandem_objects.keys import UNFINISHED, checked, checked_prefix
from tandem_objects.store import ObjectInfo

_MORE_TRIES = 8  # of a write that lost its folder or file; each takes another deleter or sweeper at the wrong moment


class Directory:
    """`Store` in a directory. It is created by the first write."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._swept = False
        self._sweeping = threading.Lock()

    def __repr__(self) -> str:
        return f"Directory({str(self._root)!r})"

    @property
    def uri(self) -> str:
        """`file:///folder`."""
        return self._root.as_uri()

    def address(self, key: str) -> str:
        """The file of the object, as an address."""
        return self._path(key).as_uri()

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Rename a finished file to its name."""
        self._place(key, data, _replace)

    def put_large(self, key: str, data: memoryview) -> None:
        """As `put`: one sequential write is what disks do best."""
        self._place(key, data, _replace)

    def put_if_absent(self, key: str, data: bytes | memoryview) -> bool:
        """Link a finished file to its name, which fails if the name is taken."""
        if self.stat(key):
            return False
        return self._place(key, data, _link)

    def get(self, key: str) -> bytes:
        """Read the file."""
        path = self._path(key)
        with explained(path):
            return path.read_bytes()

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Read a part of the file."""
        out = bytearray(length)
        self.get_range_into(key, start, memoryview(out))
        return bytes(out)

    def get_range_into(self, key: str, start: int, out: memoryview) -> None:
        """Read a part of the file into `out`, without a copy."""
        path, out = self._path(key), out.cast("B")
        with explained(path), path.open("rb", buffering=0) as file:
            holds = os.fstat(file.fileno()).st_size
            if start + len(out) > holds:
                msg = f"{path} holds {holds} bytes, and bytes {start} to {start + len(out)} were asked for"
                raise OutOfRange(msg)
            while out:
                read = os.preadv(file.fileno(), [out], start)
                if not read:
                    msg = f"{path} was cut short while it was being read: leave the store's files to the store"
                    raise OutOfRange(msg)
                start, out = start + read, out[read:]

    def stat(self, key: str) -> ObjectInfo | None:
        """Look at the file."""
        path = self._path(key)
        try:
            with explained(path):
                return _info(key, path.stat()) if path.is_file() else None
        except NotFound:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Walk the folder, depth first, in the order of keys."""
        folder, start = checked_prefix(prefix)
        with explained(self._root):
            yield from _walk(self._root / folder, f"{folder}/" if folder else "", start)

    def delete(self, keys: Iterable[str]) -> None:
        """Unlink the files, then make that durable, then remove folders that this left empty."""
        folders: set[Path] = set()
        for path in map(self._path, keys):
            with explained(path, writing=True):
                if _unlink(path):
                    folders.add(path.parent)
        for folder in folders:
            with explained(folder, writing=True):
                durable.sync_if_there(folder)
                durable.remove_empty(folder, self._root)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)

    def _place(self, key: str, data: bytes | memoryview, finish: Callable[[Path, Path], bool]) -> bool:
        """Write `data` and let `finish` give it its name; what that says."""
        final = self._path(key)
        with explained(final, writing=True):
            self._sweep_once()
            for _ in range(_MORE_TRIES):
                with suppress(FileNotFoundError):  # a deleter took the folder under our hands, or a sweeper the file
                    return _write(final, data, finish)
            return _write(final, data, finish)

    def _sweep_once(self) -> None:
        with self._sweeping:
            if not self._swept:
                durable.sweep(self._root)
                self._swept = True


def _write(final: Path, data: bytes | memoryview, finish: Callable[[Path, Path], bool]) -> bool:
    durable.make_folder(final.parent)
    with durable.unfinished(final.parent, data) as path:
        done = finish(path, final)
    durable.sync_if_there(final.parent)
    return done


def _replace(unfinished: Path, final: Path) -> bool:
    unfinished.replace(final)
    return True


def _link(unfinished: Path, final: Path) -> bool:
    try:
        final.hardlink_to(unfinished)
    except FileExistsError:
        if final.is_dir():
            raise
        return False
    except OSError as error:
        raise (no_hard_links(final) if error.errno in NO_HARD_LINKS else error) from error
    return True


def _walk(folder: Path, above: str, start: str) -> Iterator[ObjectInfo]:
    """Objects in `folder`, whose keys begin with `above`; at this level only names that begin with `start`."""
    try:
        entries = [(entry.name, entry.is_dir(), entry) for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return
    # "a.b" comes before "a/b": a folder sorts by its name with the slash that follows it in keys.
    for name, is_folder, entry in sorted(entries, key=lambda each: f"{each[0]}/" if each[1] else each[0]):
        if not name.startswith(start) or name.startswith(UNFINISHED):
            continue
        if is_folder:
            yield from _walk(folder / name, f"{above}{name}/", "")
        elif stat := _stat(entry):
            yield _info(f"{above}{name}", stat)


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except FileNotFoundError:
        return None  # deleted since the folder was read


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    return True


def _info(key: str, stat: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key=key, bytes=stat.st_size, modified=datetime.fromtimestamp(stat.st_mtime, UTC))
