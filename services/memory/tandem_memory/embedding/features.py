"""What is counted in a text: words, neighbouring words and runs of characters, each as a 64-bit hash, worked out for all at once.

Case, compatibility forms and everything between words are taken away first, and so are English function words, as long as
anything else is left: they make any two sentences alike. Unicode promises that neither folding nor normal forms of a character
ever change once it is assigned (https://www.unicode.org/policies/stability_policy.html), so that a text gives the same hashes
with every Python.

A word's hash is a polynomial in its code points modulo 2^64. All of them come out of one cumulative sum: the terms of a word stand
together in it, times a power that an odd number lets us divide by (Karp and Rabin, 1987). Splitmix64's finaliser mixes the bits.
"""

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

_WORD = re.compile(r"\w+")
_FUNCTION = (
    "a an and are as at be been but by can could did do does for from had has have he her him his how i if in into is it its me my of on "
    "or our she should so that the their them then there these they this to was we were what when where which who will with would you your"
)
_FUNCTION_WORDS = frozenset(_FUNCTION.split())
_RUN = 3  # characters: stems, endings and spelling; with four as well, paraphrases came out no nearer to each other
_ODD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio
_INVERSE = pow(_ODD, -1, 1 << 64)
_LONGEST = 1 << 16  # characters that are looked at; what a question is about is said by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Hashes of what occurs in a text, as often as it does.

    Attributes:
        words: Each word.
        pairs: Each two words in a row.
        runs: Each three characters in a row, words set apart by a space.
    """

    words: Hashes
    pairs: Hashes
    runs: Hashes


def features(text: str) -> Features:
    """What occurs in `text`."""
    words: list[str] = _WORD.findall(unicodedata.normalize("NFKC", text[:_LONGEST]).casefold())
    told = [word for word in words if word not in _FUNCTION_WORDS] or words
    points = np.frombuffer(f" {' '.join(told)} ".encode("utf-32-le"), "<u4").astype(np.uint64)
    spaces = np.flatnonzero(points == ord(" "))
    each = _words(points, spaces) if told else np.empty(0, np.uint64)
    pairs = each[:-1] * np.uint64(_ODD) + each[1:] if len(each) else each
    return Features(
        words=_mixed(each, 1),
        pairs=_mixed(pairs, 2),
        runs=_mixed(_runs(points), 3),
    )


def _words(points: Hashes, spaces: npt.NDArray[np.int64]) -> Hashes:
    """Of each word between two spaces the sum of its points times powers from the first on."""
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(points * _powers(_ODD, len(points)), dtype=np.uint64)])
    begins, ends = spaces[:-1] + 1, spaces[1:]
    return (sums[ends] - sums[begins]) * _powers(_INVERSE, len(points))[begins]


def _runs(points: Hashes) -> Hashes:
    count = max(len(points) - _RUN + 1, 0)
    total = np.zeros(count, np.uint64)
    for offset in range(_RUN):
        total = total * np.uint64(_ODD) + points[offset : offset + count]
    return total


def _powers(number: int, count: int) -> Hashes:
    return np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(count, number, np.uint64)]), dtype=np.uint64)[:count]


def _mixed(hashes: Hashes, kind: int) -> Hashes:
    """Spread over all bits; the same numbers of another kind give other hashes (Steele, Lea and Flood, 2014)."""
    mixed = hashes + np.uint64(kind * _ODD % (1 << 64))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
