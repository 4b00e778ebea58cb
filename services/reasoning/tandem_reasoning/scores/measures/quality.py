"""How often the run is right, and how much of the way from the local lane to the cloud lane it went.

What a lane is worth that was not asked everything is not told by the answers that it gave: whoever judges lanes says so (`Gap`).
"""

from dataclasses import dataclass

import numpy as np

from tandem_reasoning.scores.answered import NOBODY, Floats, Table


def chance(columns: Table) -> float:
    """Accuracy of the same answers dealt anew over the labelled items: the sum over answers of how often given times how often right."""
    labelled = columns.label_N != NOBODY
    if not labelled.any():
        return float("nan")
    most = int(max(columns.label_N.max(), columns.taken_N.max())) + 1
    taken = np.bincount(columns.taken_N[labelled], minlength=most)
    label = np.bincount(columns.label_N[labelled], minlength=most)
    return float(taken @ label) / float(labelled.sum()) ** 2


def recovered(accuracy: float, local: float, cloud: float) -> float:
    """Performance gap recovered: 0 as good as the local lane, 1 as the cloud lane; NaN when the cloud lane is no better.

    As in RouteLLM (arXiv 2406.18665).
    """
    gap = cloud - local
    return (accuracy - local) / gap if gap > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A run between its lanes, each as often right as it would have been alone on the same questions.

    Attributes:
        run: Accuracy of the run, known for certain.
        local: Of the local lane.
        cloud: Of the cloud lane.
        local_error: Standard error of that.
        cloud_error: Likewise.
        items: Questions on which the lane was seen of which less was.
    """

    run: float
    local: float
    cloud: float
    local_error: float = 0.0
    cloud_error: float = 0.0
    items: int

    @property
    def recovered(self) -> float:
        """Part of it that the run recovers; NaN when there is none."""
        return recovered(self.run, self.local, self.cloud)

    def drawn(self, generator: np.random.Generator, count: int) -> Floats:
        """The same with both lanes drawn as they may be, `count` times; NaN where there is no gap."""
        pairs = ((self.local, self.local_error), (self.cloud, self.cloud_error))
        local, cloud = (np.clip(generator.normal(lane, error, count), 0, 1) for lane, error in pairs)
        return np.array([recovered(self.run, *each) for each in zip(local.tolist(), cloud.tolist(), strict=True)])
