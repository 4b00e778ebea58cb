"""Does the run know when it is right? Ranking and calibration of its confidence against correctness (type-2 sensitivity).

The nearest thing to be measured to what is called metacognition: nothing more is claimed. Confidence is what experts stated, else the
share of votes for the answer.
"""

import numpy as np

from tandem_reasoning.scores.answered import Floats, Table
from tandem_reasoning.scores.measures import agreement

_BINS = 10  # as in Guo et al. 2017


def confidences(columns: Table) -> Floats:
    """How sure the run is of each item: stated, else agreement; NaN when neither is known. Shape (N,)."""
    return np.where(np.isfinite(columns.confidence_N), columns.confidence_N, agreement.shares(columns.answers_NK))


class Calibration:
    """How far confidence is from accuracy: expected calibration error over ten bins of equal width.

    Args:
        confidence: How sure, 0 to 1; NaN is left out. Shape (N,).
        right: 1 right, 0 wrong, NaN left out. Shape (N,).
    """

    def __init__(self, confidence: Floats, right: Floats) -> None:
        self._known = np.flatnonzero(np.isfinite(confidence) & np.isfinite(right))
        sure = confidence[self._known]
        self._gap = sure - right[self._known]
        self._bin = np.minimum((sure * _BINS).astype(np.int64), _BINS - 1)

    def error(self, weights: Floats) -> float:
        """Mean distance between confidence and accuracy in a bin, by how many are in it; 0 to 1, NaN without items."""
        counted = weights[self._known]
        total = float(counted.sum())
        gaps = np.bincount(self._bin, counted * self._gap, _BINS)
        return float(np.abs(gaps).sum()) / total if total else float("nan")


def chance(confidence: Floats, right: Floats, generator: np.random.Generator) -> float:
    """Calibration error of the same confidences, dealt anew over the same items; NaN without any."""
    known = np.flatnonzero(np.isfinite(confidence) & np.isfinite(right))
    dealt = confidence[generator.permutation(known)]
    return Calibration(dealt, right[known]).error(np.ones(len(known)))
