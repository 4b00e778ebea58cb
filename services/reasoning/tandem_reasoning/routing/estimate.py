"""The chance that the local lane gives the cloud lane's answer: what became of questions alike, nearer ones counting for more.

Nearest neighbours, because routers that learn more end up on the same plateau (arXiv 2606.07587; "When Simple kNN Beats Complex
Learned Routers", 2025), and because a label costs nothing: it is whether two lanes that were asked anyway agreed.
"""

from collections.abc import Sequence

from tandem_reasoning.routing.known import Neighbour

NEAREST = 15  # as many as the measured prototype looked at; enough to tell 0.8 from 0.5

_LEAST = 1e-6  # so that neighbours that have nothing in common still count alike


def agreement(neighbours: Sequence[Neighbour], *, k: int = NEAREST) -> float | None:
    """Chance of agreement from the `k` nearest, 0 to 1; None without any."""
    nearest = sorted(neighbours, key=lambda each: -each.similarity)[:k]
    weights = [max(each.similarity, 0.0) + _LEAST for each in nearest]
    total = sum(weights)
    return sum(weight * each.agreed for weight, each in zip(weights, nearest, strict=True)) / total if nearest else None
