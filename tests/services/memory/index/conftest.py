"""Records and vectors to search among."""

import ctypes
import json
import mmap
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tandem.memory.v1.memory_pb2 import Record
from tandem_memory.index import Index, upkeep

Fill = Callable[..., Index]


def rewrite_manifest(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Have a snapshot say something else of itself, under a checksum that is right."""
    manifest = folder / "manifest.json"
    text = json.dumps(change(json.loads(manifest.read_text().splitlines()[0])))
    manifest.write_text(f"{text}\n{zlib.crc32(text.encode())}\n")


def settle(index: Index) -> None:
    """Have all done that there is to do for it now."""
    while index.upkeep():
        pass


def begin_early(patch: pytest.MonkeyPatch) -> None:
    """Cells begin with fewer rows, and nobody adds any."""
    patch.setattr(upkeep, "_CELLS_FROM", 4096)
    patch.setattr(upkeep, "QUIET_S", 0.0)


@pytest.fixture
def early_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `begin_early` has it."""
    begin_early(monkeypatch)


@pytest.fixture
def fill() -> Fill:
    """An index of `vectors`, at positions 1, 2, ..., with `records` or empty ones."""

    def filled(vectors: np.ndarray, records: list[Record] | None = None) -> Index:
        index = Index(vectors.shape[1])
        index.add(np.arange(1, len(vectors) + 1, dtype=np.uint64), vectors.astype(np.float32), records or [Record()] * len(vectors))
        return index

    return filled


def resident(path: Path) -> npt.NDArray[np.bool_]:
    """For each page of a file whether it is in the page cache."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_WRITE, flags=mmap.MAP_PRIVATE) as held:
        found, at = np.empty(len(held) // mmap.PAGESIZE, np.uint8), ctypes.c_char.from_buffer(held)
        assert ctypes.CDLL(None).mincore(ctypes.byref(at), ctypes.c_size_t(len(held)), ctypes.c_void_p(found.ctypes.data)) == 0
        del at
    return found & 1 == 1
