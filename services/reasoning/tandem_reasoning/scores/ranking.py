"""Does a value tell right answers from wrong ones? The area under the ROC curve: the chance that a right answer has the larger one.

Counted from ranks, half for a tie (Mann and Whitney 1947): one half is chance, 1 is perfect. Values are sorted once; a draw of the
bootstrap then only adds up weights.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Ranking:
    """Values and whether the answers that they belong to are right.

    Args:
        values: Larger points to right; NaN is left out. Shape (items,).
        right: 1 for right, 0 for wrong, NaN for not known, which is left out. Shape (items,).
    """

    def __init__(self, values: Floats, right: Floats) -> None:
        self._known = np.flatnonzero(np.isfinite(values) & np.isfinite(right))
        self._right = right[self._known] == 1
        different, place = np.unique(values[self._known], return_inverse=True)
        self._place, self._different = place, len(different)

    @property
    def rights(self) -> int:
        """Right answers among those that count."""
        return int(self._right.sum())

    @property
    def wrongs(self) -> int:
        """Wrong answers among those that count."""
        return int((~self._right).sum())

    def area(self, weights: Floats) -> float:
        """The area when each item counts as often as `weights` says, shape (items or more,); NaN without right or wrong ones."""
        counted = weights[self._known]
        right = np.bincount(self._place, counted * self._right, self._different)
        wrong = np.bincount(self._place, counted * ~self._right, self._different)
        pairs = float(right.sum() * wrong.sum())
        below = np.cumsum(wrong) - wrong
        return float((right * (below + wrong / 2)).sum()) / pairs if pairs else float("nan")


def auroc(values: Floats, right: Floats) -> float | None:
    """The area for items that count once each; None without right or wrong ones. Both of shape (items,)."""
    area = Ranking(values, right).area(np.ones(len(values)))
    return area if np.isfinite(area) else None
