"""What a question looks like to the router: hashed words and runs of letters, so that questions alike lie near each other.

It knows words and spelling, not meaning, and takes some ten microseconds a word. Which encoder is used hardly moves how well a router does
(LLMRouterBench); this one needs no model, and gives the same bits everywhere. Signs drawn by the hash keep inner products what they
were, but for noise that is as often above as below (Weinberger et al., "Feature Hashing", arXiv 0902.2206).

Letters of shapes: D components.
"""

import zlib
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

DIMENSION = 256
"""Components: two questions of ten words share none by chance, and 4,096 questions take 4 MiB."""

_RUN = 4  # letters: stems and endings, and digits of a number
_WORD, _PART = 1.0, 0.4  # a word has some six runs; together they say about as much as it does


def features(text: str) -> Vector:
    """The vector of a text, shape (D,), of length 1; zeros for a text without a word."""
    x_D = np.zeros(DIMENSION, np.float32)
    for feature, weight in _weighted(" ".join(text.casefold().split())):
        code = zlib.crc32(feature.encode("utf-8", "surrogatepass"))
        x_D[(code >> 1) % DIMENSION] += weight if code & 1 else -weight
    length = float(np.linalg.norm(x_D))
    return x_D / length if length else x_D


def _weighted(plain: str) -> Iterator[tuple[str, float]]:
    """Features, and what each counts: the root of how often it occurs, so that what is said ten times does not drown the rest."""
    words = Counter(plain.split())
    runs = Counter(plain[place : place + _RUN] for place in range(len(plain) - _RUN + 1))
    for counted, weight in ((words, _WORD), (runs, _PART)):
        for feature, times in counted.items():
            yield f"{len(feature)}{feature}{weight}", weight * times**0.5
