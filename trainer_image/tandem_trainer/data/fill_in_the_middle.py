"""Documents rearranged so that a left-to-right model learns to fill a hole: prefix, suffix, then middle.

Source: Bavarian et al. 2022, "Efficient training of language models to fill in the middle": PSM order, cuts drawn uniformly
over the characters, each document of the context on its own. A document gives up its last three tokens for the three marks,
so a window keeps its length; what is drawn depends on the seed and the sample's number alone, so resuming changes nothing.
"""
# capitals in the names of tensors are their shapes

import numpy as np
from numpy.typing import NDArray

from tandem_trainer.data import draws
from tandem_trainer.data.tokens import Special

Tokens = NDArray[np.int64]
_MARKS = 3
_SHORTEST = 8  # shorter pieces of a document would be little more than marks


def rearrange(windows_BT: Tokens, samples_B: NDArray[np.int64], *, rate: float, seed: int, special: Special) -> None:
    """Rearrange, in place, a share `rate` of the windows: those whose sample numbers draw below it."""
    if rate <= 0:
        return
    chosen = draws.shares(draws.key(seed, special.middle), samples_B.astype(np.uint64)) < rate
    for row in np.flatnonzero(chosen):
        _rearrange_documents(windows_BT[row], draws.key(seed, int(samples_B[row])), special)


def _rearrange_documents(window_T: Tokens, key: int, special: Special) -> None:
    ends = [*np.flatnonzero(window_T == special.end).tolist(), len(window_T)]
    start = 0
    for number, end in enumerate(ends):
        if end - start >= _SHORTEST:
            _split(window_T[start:end], draws.draw(key, np.array([2 * number, 2 * number + 1], dtype=np.uint64)), special)
        start = end + 1


def _split(document_T: Tokens, drawn: draws.Bits, special: Special) -> None:
    kept = document_T[: len(document_T) - _MARKS].copy()
    first, second = sorted((drawn % np.uint64(len(kept) + 1)).tolist())
    parts = ([special.prefix], kept[:first], [special.suffix], kept[second:], [special.middle], kept[first:second])
    np.concatenate(parts, out=document_T)
