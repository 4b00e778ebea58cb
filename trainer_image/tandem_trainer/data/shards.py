"""Tokens on disk: a few flat files of numbers and an index that says what they mean. Read by mapping, never as a whole.

A sample of context length T is the T + 1 tokens from number i * T on, so that each token but the first is predicted once an
epoch; it may reach over the edge of a file. 16-bit numbers where the vocabulary allows, 32-bit elsewhere.
"""
# capitals in the names of tensors are their shapes

import os
from bisect import bisect_right
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tandem_trainer.data.index import FolderIndex
from tandem_trainer.data.tokens import Special
from tandem_trainer.refusal import Refusal


class Index(FolderIndex):
    """What the files of a folder mean."""

    holds = "token shards"
    format: str = "tandem.tokens"
    tokenizer: str
    special: Special
    dtype: str
    """Number format of the files, little-endian."""
    counts: tuple[int, ...]
    """Tokens in each file; files are called 00000.tokens, 00001.tokens and so on."""
    documents: int
    digest: str
    """Digest of all tokens: two folders of the same digest teach the same."""

    @property
    def tokens(self) -> int:
        """Tokens in all files."""
        return sum(self.counts)

    @property
    def vocabulary(self) -> int:
        """Tokens a model must know."""
        return self.special.vocabulary


def dtype_of(vocabulary: int) -> str:
    """The smallest number format that holds every token of the vocabulary."""
    return "<u2" if vocabulary <= np.iinfo(np.uint16).max + 1 else "<u4"


def file_name(number: int) -> str:
    """Name of a file of tokens."""
    return f"{number:05d}.tokens"


class Shards:
    """The samples in a folder of token files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = Index.read(folder)
        self._files = [self._mapped(number, count) for number, count in enumerate(self.index.counts)]
        self._starts = np.cumsum([0, *self.index.counts]).tolist()

    def samples(self, context: int) -> int:
        """How many samples of `context` tokens (and their successors) there are."""
        return max(0, (self.index.tokens - 1) // context)

    def read(self, samples_B: NDArray[np.int64], out_BT: NDArray[np.int64]) -> None:
        """Copy samples into the rows of `out_BT`, which are one longer than the context."""
        context = out_BT.shape[1] - 1
        for sample, row_T in zip(samples_B.tolist(), out_BT, strict=True):
            self._copy(sample * context, row_T)

    def _copy(self, start: int, out_T: NDArray[np.int64]) -> None:
        done = 0
        while done < len(out_T):
            number = bisect_right(self._starts, start + done) - 1
            offset = start + done - self._starts[number]
            part = self._files[number][offset : offset + len(out_T) - done]
            out_T[done : done + len(part)] = part
            done += len(part)

    def _mapped(self, number: int, count: int) -> NDArray[np.unsignedinteger]:
        path = self.folder / file_name(number)
        expected = count * np.dtype(self.index.dtype).itemsize
        found = path.stat().st_size if path.is_file() else 0
        if found != expected:
            message = f"data: {path} has {found} bytes, not {expected}: remove {self.folder}, and it is made anew"
            raise Refusal(message)
        # A plain array over the mapping: numpy.memmap's own slices cost ten times as much, for nothing we use.
        return np.asarray(np.memmap(path, dtype=self.index.dtype, mode="r"))


def write(folder: Path, number: int, tokens: NDArray[np.unsignedinteger]) -> None:
    """Write one file of tokens, durably."""
    write_durably(folder / file_name(number), tokens.data.cast("B"))


def write_durably(path: Path, data: bytes | memoryview) -> None:
    """Write a file, and return when it is on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
