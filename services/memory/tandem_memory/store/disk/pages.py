"""Whether LMDB's pages are sound. Read from the file by a program that survives anything; LMDB itself may crash on a broken page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import lmdb
from lmdb import verify as lmdb_verify
from tandem.memory.v1.memory_pb2 import Finding

from tandem_memory.backend import DamagedError
from tandem_memory.store.disk.opening import DATA

_verify = cast("Callable[[str], Sequence[str]]", lmdb_verify.verify)  # pyright: ignore[reportUnknownMemberType] - it has no types


def damaged_pages(folder: Path) -> list[Finding]:
    """What is wrong with the pages of the files in `folder`.

    Whoever calls it holds a snapshot meanwhile, so that pages that are reached from it are not written again.
    """
    where = str(folder / DATA)
    try:
        return [Finding(where=where, what=problem) for problem in _verify(str(folder))]
    except (lmdb_verify.VerifyError, OSError) as error:
        return [Finding(where=where, what=f"cannot be read as pages: {error}")]


def check_whole(folder: Path, opened: lmdb.Environment) -> None:
    """Refuse a file that ends before what it holds: who reads a mapped file behind its end is killed.

    Raises:
        DamagedError: for such a file.
    """
    size, holds = (folder / DATA).stat().st_size, (opened.info()["last_pgno"] + 1) * opened.stat()["psize"]
    if size < holds and damaged_pages(folder):  # last pages that are free need not be there
        problem = f"ends after {size} of {holds} bytes; restore a backup, and see with `tandem-memory check` what is lost"
        raise DamagedError(str(folder / DATA), problem)
