"""Conversations on disk: windows of one length, in which several stand behind one another. Read by mapping, never as a whole.

Three files of numpy's own format, a row to a window: the tokens; each token's place in its conversation, which begins anew with every
one, and with the padding; and which tokens are answers. `index.json` says what they were made of.
"""
# capitals in the names of arrays are their shapes: W windows of T tokens, B of them in a batch

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tandem_trainer.data.index import FolderIndex
from tandem_trainer.refusal import Refusal


class Index(FolderIndex):
    """What the files of a folder mean."""

    holds = "conversations"
    format: str = "tandem.windows"
    context: int
    """Tokens in a window."""
    windows: int
    conversations: int
    vocabulary: int
    """Tokens that a model must know."""
    digest: str
    """Digest of all numbers: two folders of the same digest teach the same."""


class Windows:
    """The windows in a folder."""

    def __init__(self, folder: Path) -> None:
        self.index = Index.read(folder)
        self._tokens_WT, self._places_WT, self._answers_WT = (_mapped(folder, name) for name in ("tokens", "places", "answers"))

    def read(self, windows_B: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Tokens, places, and which tokens are answers, of these windows; each (B, T)."""
        tokens_BT, places_BT = (rows_WT[windows_B].astype(np.int64) for rows_WT in (self._tokens_WT, self._places_WT))
        return tokens_BT, places_BT, self._answers_WT[windows_B]

    def answers(self, windows_B: NDArray[np.int64]) -> int:
        """How many tokens of these windows are answers."""
        return int(self._answers_WT[windows_B].sum())


def write(folder: Path, name: str, rows_WT: NDArray[Any]) -> None:
    """Write one of the three files, durably."""
    with (folder / f"{name}.npy").open("wb") as file:
        np.save(file, rows_WT)
        file.flush()
        os.fsync(file.fileno())


def _mapped(folder: Path, name: str) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        message = f"data: {path} cannot be read ({error}): remove {folder}, and it is made anew"
        raise Refusal(message) from None
