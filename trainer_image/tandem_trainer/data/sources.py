"""Which files are learned from: a single one, or those of a folder that match the patterns, in the same order on every machine."""

import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote, urlsplit

import xxhash

from tandem_trainer.data.conversations.rows import is_file_of_conversations
from tandem_trainer.job import Data
from tandem_trainer.refusal import Refusal

PYTHON_STDLIB = "python-stdlib"
# What lies in the standard library's folder but is not the library, or is mostly data of its tests.
_NOT_THE_LIBRARY = frozenset({"site-packages", "dist-packages", "test", "tests", "idle_test", "pydoc_data", "encodings"})
_NEVER = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files found.

    Attributes:
        folder: Where.
        files: Paths relative to the folder, sorted.
        digest: Of names, sizes and times of change, not of contents: cheap, and another one when a file was edited. Of a single file
            also of where it lies, for others may be called so.
    """

    folder: Path
    files: tuple[str, ...]
    total_bytes: int
    digest: str


def find(data: Data) -> Sources:
    """The files that `data` names.

    Raises:
        Refusal: when it is not there, or is a folder in which nothing matches.
    """
    path = _path(data.source)
    single = path.is_file()
    folder = path.parent if single else path
    skipped = _NEVER | (_NOT_THE_LIBRARY if data.source == PYTHON_STDLIB else frozenset[str]())
    found = [_measured(path, folder)] if single else sorted(_matching(folder, data.include, skipped))
    if not found:
        others = 'change data.source or data.include, such as ["*.txt"]'
        message = f"data.source: no file in {folder} matches {', '.join(data.include)}: {others}"
        raise Refusal(message)
    hashed = xxhash.xxh3_128(str(path.resolve()).encode(errors="surrogateescape") if single else b"")
    for name, size, changed_ns in found:
        hashed.update(f"{name}\0{size}\0{changed_ns}\0".encode(errors="surrogateescape"))
    return Sources(
        folder=folder,
        files=tuple(name for name, _, _ in found),
        total_bytes=sum(size for _, size, _ in found),
        digest=hashed.hexdigest(),
    )


def _path(source: str) -> Path:
    if source == PYTHON_STDLIB:
        return Path(sysconfig.get_path("stdlib"))
    path = Path(unquote(urlsplit(source).path)) if source.startswith("file://") else Path(source).expanduser()
    if "://" in source and not source.startswith("file://"):
        message = f"data.source: {source} is not local: use {PYTHON_STDLIB}, a path or a file:// address"
        raise Refusal(message)
    if not path.is_dir() and not path.is_file():
        message = f"data.source: {source} is neither a folder nor a file: name one that exists"
        raise Refusal(message)
    if is_file_of_conversations(source):
        message = f"data.source: {source} is a file of conversations, from which a pretrained model learns: name text"
        raise Refusal(message)
    if not os.access(path, os.R_OK if path.is_file() else os.R_OK | os.X_OK):
        message = f"data.source: {source} may not be read by this user: change its permissions"
        raise Refusal(message)
    return path


def _matching(folder: Path, include: tuple[str, ...], skipped: frozenset[str]) -> Iterator[tuple[str, int, int]]:
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in skipped and not name.startswith(".")]
        for name in files:
            if not any(fnmatch(name, pattern) for pattern in include):
                continue
            full = Path(path, name)
            if full.is_file():
                yield _measured(full, folder)


def _measured(file: Path, folder: Path) -> tuple[str, int, int]:
    """Its name in the folder, size and time of change."""
    stat = file.stat()
    return file.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns
