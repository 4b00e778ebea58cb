"""How many different things experts say: entropy over groups of like answers (semantic entropy, Kuhn et al. 2023).

A few samples see too few of the answers that there are, so that plain entropy is too small (arXiv 2509.14478). Chao and Shen's (2003)
estimate looks at how many answers came up only once to say how much was never seen. It can say more than log K, so it is divided by
what it comes to when all differ: 0 when all agree, 1 when no two do. Cut at log K instead, it would no longer tell open questions apart.
"""

import numpy as np

from tandem_reasoning.scores.answered import Floats, Ids
from tandem_reasoning.scores.measures import agreement

_SHUFFLES = 5


def entropies(answers_NK: Ids) -> Floats:
    """Of each item, 0 to 1; NaN below two answers. Shape (N,)."""
    counts_NK, voters_N = agreement.counts(answers_NK), agreement.asked(answers_NK)
    most_N = _chao_shen((counts_NK > 0).astype(np.int64), voters_N)
    there = voters_N > 1
    return np.where(there, _chao_shen(counts_NK, voters_N) / np.where(there, most_N, 1.0), np.nan)


def chance(answers_NK: Ids, generator: np.random.Generator) -> float:
    """Mean entropy of answers dealt anew over the items; NaN when no item has two."""
    drawn = np.concatenate([entropies(agreement.shuffled(answers_NK, generator)) for _ in range(_SHUFFLES)])
    finite = drawn[np.isfinite(drawn)]
    return float(finite.mean()) if finite.size else float("nan")


def _chao_shen(counts_NK: Ids, voters_N: Ids) -> Floats:
    """Coverage-corrected entropy in nats, from the size of each answer's group; each group is counted once by its members' shares."""
    voters_N1 = np.maximum(voters_N, 1)[:, None].astype(np.float64)
    alone_N1 = (counts_NK == 1).sum(axis=1, keepdims=True)
    # when all came up once nothing would be covered: one of them then counts as seen again, as in Chao and Shen
    covered_N1 = 1 - np.minimum(alone_N1, voters_N1 - 1) / voters_N1
    share_NK = np.where(counts_NK > 0, covered_N1 * np.maximum(counts_NK, 1) / voters_N1, 1.0)
    seen_NK = 1 - (1 - share_NK) ** voters_N1
    each_NK = -share_NK * np.log(share_NK) / seen_NK / np.maximum(counts_NK, 1)
    return np.asarray(each_NK.sum(axis=1) + 0.0, np.float64)
