"""Whether LMDB's pages are sound. Read from the file by a program that survives anything; LMDB itself may crash on a broken page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from lmdb import verify as lmdb_verify
from tandem.memory.v1.memory_pb2 import Finding

_verify = cast("Callable[[str], Sequence[str]]", lmdb_verify.verify)  # pyright: ignore[reportUnknownMemberType] - it has no types


def damaged_pages(folder: Path) -> list[Finding]:
    """What is wrong with the pages of the files in `folder`.

    Whoever calls it holds a snapshot meanwhile, so that pages that are reached from it are not written again.
    """
    where = str(folder / "data.mdb")
    try:
        return [Finding(where=where, what=problem) for problem in _verify(str(folder))]
    except (lmdb_verify.VerifyError, OSError) as error:
        return [Finding(where=where, what=f"cannot be read as pages: {error}")]
