"""An embedding that is always there: hashed n-grams. It knows words and spelling, not meaning; no download, the same bits everywhere.

Each feature of a text adds its weight to one of the components, with a sign, both said by its hash: inner products stay what they
were, but for noise that is as often above as below (Weinberger et al., "Feature Hashing", arXiv 0902.2206).
"""

import asyncio
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tandem_memory.embedding.features import Features, Hashes, features

_VERSION = 1  # to be raised with anything that changes a bit of a vector
_DIMENSION = 384
_WORD, _PAIR, _RUN = 1.0, 0.5, 0.35  # a word has some six runs; roots of sums of squares count, so they say about as much as it does
_AT_ONCE = 4  # texts that are embedded while the caller waits, together about a millisecond


class Ngrams:
    """Words, pairs of words and runs of characters.

    Args:
        dimension: Components of a vector; 2 or more.
    """

    def __init__(self, dimension: int = _DIMENSION) -> None:
        self.dimension = dimension
        self.name = f"ngrams-{_VERSION}-{dimension}"

    async def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """A vector for each text, shape (texts, dimension), of length 1; zeros for a text without a word."""
        if len(texts) <= _AT_ONCE:
            return self.vectors(texts)
        return await asyncio.to_thread(self.vectors, texts)

    def vectors(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The same, at once."""
        rows = [_row(features(text), self.dimension) for text in texts]
        return np.array(rows, np.float32).reshape(len(texts), self.dimension)


def _row(found: Features, dimension: int) -> npt.NDArray[np.float64]:
    row = np.zeros(dimension)
    for hashes, weight in ((found.words, _WORD), (found.pairs, _PAIR), (found.runs, _RUN)):
        row += _counted(hashes, dimension) * weight
    # fsum and sqrt round correctly: the sum does not depend on how a machine adds
    length = math.sqrt(math.fsum((row * row).tolist()))
    return row / length if length else row


def _counted(hashes: Hashes, dimension: int) -> npt.NDArray[np.float64]:
    """The square root of how often each hash occurs, so that a word said ten times does not drown the others."""
    different, counts = np.unique(hashes, return_counts=True)
    places = ((different >> np.uint64(32)) * np.uint64(dimension)) >> np.uint64(32)  # the upper half, scaled to the components
    signs = np.where(different & np.uint64(1), 1.0, -1.0)
    return np.asarray(np.bincount(places.astype(np.int64), signs * np.sqrt(counts), dimension), np.float64)
