"""Do experts of one question say like things, more than experts of different questions do?

The mean cosine between rationales of a question less their mean cosine to rationales of all others: what any two texts of a run have
in common cancels. Neither needs a pair to be looked at: for vectors of length 1 the sum of a question's cosines is the square of the
length of the vectors' sum, less one for each vector with itself. So a run of any size is one pass over one sum a question.

Letters of shapes: N items, D components.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tandem_reasoning.scores.answered import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rationales:
    """The rationales of a run, summed up for each item.

    Attributes:
        sums_ND: Sum of an item's vectors, each of length 1.
        counts_N: How many there were.
    """

    sums_ND: Floats
    counts_N: Floats


def rationales(vectors: Sequence[npt.ArrayLike]) -> Rationales:
    """Sums of the items' rationales, each item's of shape (experts, D); vectors without a direction are left out."""
    sums: list[Floats] = []
    counts: list[int] = []
    for each in vectors:
        rows = np.atleast_2d(np.asarray(each, np.float64))
        lengths = np.linalg.norm(rows, axis=1)
        told = lengths > 0
        sums.append(np.asarray((rows[told] / lengths[told, None]).sum(axis=0), np.float64))
        counts.append(int(told.sum()))
    return Rationales(sums_ND=np.array(sums, np.float64), counts_N=np.array(counts, np.float64))


def coherences(told: Rationales) -> Floats:
    """Of each item, -2 to 2; NaN below two rationales, or when no other item has any. Shape (N,)."""
    counts_N, sums_ND = told.counts_N, told.sums_ND
    others_N = counts_N.sum() - counts_N
    there_N = (counts_N > 1) & (others_N > 0)
    pairs_N = np.where(there_N, counts_N * (counts_N - 1), 1.0)
    within_N = ((sums_ND**2).sum(axis=1) - counts_N) / pairs_N
    across_N = (sums_ND * (sums_ND.sum(axis=0) - sums_ND)).sum(axis=1) / np.where(there_N, counts_N * others_N, 1.0)
    return np.where(there_N, within_N - across_N, np.nan)
