"""How often the run is right, and how much of the way from the local lane to the cloud lane it went."""

from collections.abc import Callable

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


def accuracies(columns: Table) -> Callable[[Floats], tuple[float, float, float]]:
    """Of the run, the local lane and the cloud lane, in a draw of the items where both lanes were asked; NaN when there are none.

    Each item counts by the inverse of the chance that both were asked: those that were asked on purpose do not speak for the others.
    """
    rights_RN = np.stack([columns.taken_right_N, columns.local_right_N, columns.cloud_right_N])
    known = np.flatnonzero(np.isfinite(rights_RN).all(axis=0))
    rights_RN, each = rights_RN[:, known], 1 / columns.both_chance_N[known]

    def figure(weights: Floats) -> tuple[float, float, float]:
        counted = weights[known] * each
        total = float(counted.sum())
        run, local, cloud = (rights_RN @ counted / total).tolist() if total else [float("nan")] * 3
        return run, local, cloud

    return figure
