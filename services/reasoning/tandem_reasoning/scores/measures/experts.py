"""What several experts are worth over one: the gain of their vote, how many they really are, and what none of them knows alone.

Eight experts from one model err together: measured on small models, their votes were worth one or two independent ones. So the gain
is always shown against one single greedy call, which costs an eighth and sometimes wins.

Letters of shapes: N items, K experts.
"""

import numpy as np
import numpy.typing as npt

from tandem_reasoning.scores.answered import Floats, Table
from tandem_reasoning.scores.resampling import Figure

_ROUNDING = 1e-12  # two variances of a share of a million items, each at least (n - 1) / n^2, multiply to as much


def gains(columns: Table) -> Floats:
    """Right vote less right greedy call of each item: -1, 0 or 1; NaN where one of them is not known. Shape (N,)."""
    return columns.vote_right_N - columns.greedy_right_N


def effective(right_NK: Floats) -> Figure:
    """K / (1 + (K - 1) rho), 1 to K; rho is the mean correlation of two experts' errors. NaN below two experts who ever differ.

    Args:
        right_NK: 1 right, 0 wrong, NaN not known.
    """
    items, experts = right_NK.shape
    known_NK = np.isfinite(right_NK).astype(np.float64)
    both_NX = np.concatenate([np.where(known_NK > 0, right_NK, 0.0), known_NK], axis=1)

    def figure(weights: Floats) -> float:
        rho = _correlation((both_NX * weights[:items, None]).T @ both_NX) if experts > 1 else float("nan")
        # errors that seem to avoid each other are chance at these numbers of items: more than K experts there are not
        return experts / (1 + (experts - 1) * min(max(rho, 0.0), 1.0)) if np.isfinite(rho) else float("nan")

    return figure


def complementarity(right_NK: Floats) -> Figure:
    """Part of items that some expert has right, less that of the best single one; 0 to 1. NaN when no item has all experts' answers."""
    whole = _whole(right_NK)
    known_NK = right_NK[whole]
    some_N = known_NK.max(axis=1, initial=0.0)

    def figure(weights: Floats) -> float:
        counted = weights[: len(whole)][whole]
        total = float(counted.sum())
        best = float((counted @ known_NK).max(initial=0.0))
        return (float(counted @ some_N) - best) / total if total else float("nan")

    return figure


def independent(right_NK: Floats) -> float:
    """What complementarity would be if the same experts erred independently of each other; NaN without items."""
    whole = _whole(right_NK)
    if not whole.any():
        return float("nan")
    skill_K = np.asarray(right_NK[whole].mean(axis=0), np.float64)
    return float(1 - np.prod(1 - skill_K) - skill_K.max())


def _whole(right_NK: Floats) -> npt.NDArray[np.bool_]:
    """Items for which it is known of every expert, and there is one, whether he was right."""
    items, experts = right_NK.shape
    known_N = np.asarray(np.isfinite(right_NK).sum(axis=1), np.int64)
    return (known_N == experts) & (np.full(items, experts) > 0)


def _correlation(sums_XX: Floats) -> float:
    """Mean over pairs of experts whose correlation is defined: each was both right and wrong where both answered.

    Args:
        sums_XX: Sums of products of what was right, then of what is known, each by each; shape (2 K, 2 K).
    """
    experts = len(sums_XX) // 2
    together, right, both = sums_XX[:experts, :experts], sums_XX[:experts, experts:], sums_XX[experts:, experts:]
    count = np.where(both > 0, both, 1.0)
    mean, other = right / count, right.T / count  # [i, j]: how often i, how often j was right where both answered
    spread = mean * (1 - mean) * other * (1 - other)
    first, second = np.triu_indices(experts, 1)
    defined = (spread > _ROUNDING) & (both > 0)
    correlation = (together / count - mean * other) / np.sqrt(np.where(defined, spread, 1.0))
    pairs = correlation[first, second][defined[first, second]]
    return float(pairs.mean()) if pairs.size else float("nan")
