"""Questions of the run whose lanes' agreement is known, and which of them are alike to a new one.

They are the run's own and no others': whether two lanes agree is a matter of these two models. The newest are kept, since a router
that has learned asks both lanes less and less where it is sure.

Letters of shapes: N questions, D components.
"""

from collections.abc import Sequence

import numpy as np

from tandem_reasoning.routing.estimate import NEAREST
from tandem_reasoning.routing.features import DIMENSION, Vector
from tandem_reasoning.routing.known import Neighbour

MOST = 4096
"""Questions that are looked at: all of them in 0.3 ms, a seventh of what routing may take."""


class Population:
    """Labelled questions.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._x_ND = np.zeros((most, DIMENSION), np.float32)
        self._agreed_N = np.zeros(most, np.float32)
        self._most, self._kept = most, 0

    def keep(self, question: Vector, agreed: float) -> None:
        """One more, in place of the oldest when there are many: 1 when the lanes agreed, 0 when not, between where it is only likely."""
        place = self._kept % self._most
        self._x_ND[place], self._agreed_N[place] = question, agreed
        self._kept += 1

    def nearest(self, question: Vector, k: int = NEAREST) -> Sequence[Neighbour]:
        """The `k` that are most alike, nearest first; fewer when there are fewer."""
        there = min(self._kept, self._most)
        near_N = np.einsum("nd,d->n", self._x_ND[:there], question)  # as fast as BLAS, whose threads wait for each other on busy cores
        among = np.argpartition(-near_N, k - 1)[:k] if there > k else np.arange(there)
        ordered = among[np.argsort(-near_N[among], kind="stable")]
        return tuple(Neighbour(similarity=float(near_N[each]), agreed=float(self._agreed_N[each])) for each in ordered)
