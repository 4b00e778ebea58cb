"""Real parts: programs of others that tests run against. What one is, where it is kept, and what happens without it.

A part is made once per version, into a folder outside the repository, under a lock, and shows up there whole or not at
all. A part that cannot be had fails the tests that need it where CI is set; elsewhere they skip, and say how to get it.
"""

import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]


class Missing(Exception):  # noqa: N818  it is caught to skip; nothing went wrong
    """A part cannot be had on this machine. The message says how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A program to test against.

    Attributes:
        name: What it is called, and its folder in the cache.
        version: Exactly which; it keys the cache.
        program: The executable, relative to the folder that `make` fills.
        make: Fills an empty folder; says in lines what takes time. Raises `Missing`.
    """

    name: str
    version: str
    program: str
    make: Callable[["Part", Path, Say], None]

    def folder(self, environ: Mapping[str, str]) -> Path:
        """Where this version is kept."""
        return cache(environ) / self.name / self.version


def cache(environ: Mapping[str, str]) -> Path:
    """The folder of all parts: `$XDG_CACHE_HOME/tandem/parts`."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tandem" / "parts"


def obtain(part: Part, environ: Mapping[str, str], say: Say) -> Path:
    """The part's executable, made now if this is the first time.

    Raises:
        Missing: If it cannot be made here.
    """
    folder = part.folder(environ)
    if not folder.exists():
        with _locked(folder.with_name(f"{folder.name}.lock")):
            if not folder.exists():  # somebody else may have made it while we waited
                _make(part, folder, say)
    return folder / part.program


def _make(part: Part, folder: Path, say: Say) -> None:
    for left in folder.parent.glob(f"{folder.name}.*/"):  # by makers that were killed: we hold the lock, so none is at work
        shutil.rmtree(left)
    half_made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        say(f"{part.name} {part.version} is not in {folder.parent}; making it, once")
        part.make(part, half_made, say)
        half_made.rename(folder)
        say(f"{part.name} {part.version} is ready")
    finally:
        shutil.rmtree(half_made, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Generator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def required(environ: Mapping[str, str]) -> bool:
    """Whether a missing part is a failure."""
    return environ.get("CI", "").lower() not in {"", "0", "false"}


def need_root(what: str) -> None:
    """Return if we are root on Linux.

    Raises:
        Missing: If not, in the name of what needs it.
    """
    if sys.platform != "linux" or os.geteuid():
        msg = f"{what} takes root on Linux: run the tests as root"
        raise Missing(msg)


def environ_for(part: Part, more: Mapping[str, str]) -> dict[str, str]:
    """The environment that a part runs in: ours without what would change its ways, and `more`."""
    prefix = f"{part.name.upper()}_"
    return {name: value for name, value in os.environ.items() if not name.startswith(prefix)} | dict(more)
