"""How a file is written so that a reader, and the next start after a power cut, finds the old text or the new, never half.

Write beside, fsync, rename, fsync the folder: the order that POSIX needs for the rename to be both atomic and lasting.
"""

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

from tandem_objects.durable import sync_folder


def write(path: Path, text: str, *, mode: int = 0o644, previous: Path | None = None) -> None:
    """Make `text` the whole of `path`; keep what it replaces as `previous`, if that is wanted.

    Raises:
        OSError: when the disk refuses; `path` is then as it was.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with _naming(path):
        _written(beside, text, mode)
    try:
        if previous is not None and path.exists():
            _keep(path, previous)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Add one line in one write, so that lines of two processes never mix; a torn last line is closed first.

    Raises:
        OSError: when the disk refuses.
    """
    with _naming(path), path.open("ab+") as file:
        if file.tell() and not _ends_a_line(path):
            line = f"\n{line}"
        file.write(f"{line}\n".encode())


def lines(path: Path) -> Iterator[str]:
    """The whole lines of `path`; none when there is no such file. A last line without an end was never finished."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return
    for line in text.splitlines(keepends=True):
        if line.endswith(b"\n") and line.strip():
            yield line.decode(errors="replace").rstrip("\n")


@contextlib.contextmanager
def _naming(path: Path) -> Generator[None]:
    """Say which file a disk has refused: the kernel names it when it is opened, not when it is written."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _written(path: Path, text: str, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _keep(path: Path, previous: Path) -> None:
    """A second name for what is about to be replaced; `path` itself is there at every moment."""
    link = previous.with_name(f".{previous.name}.{os.getpid()}")
    link.unlink(missing_ok=True)
    link.hardlink_to(path)
    link.replace(previous)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
