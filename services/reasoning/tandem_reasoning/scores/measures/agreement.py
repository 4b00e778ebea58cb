"""How much experts agree: the part of them that gave the answer most of them gave.

The nearest honest thing to what is called coherence. Two experts at least must have answered; one always agrees with himself.
"""

import numpy as np

from tandem_reasoning.scores.answered import NOBODY, Floats, Ids

_SHUFFLES = 5  # their mean is as steady as the value itself: each goes through all items


def counts(answers_NK: Ids) -> Ids:
    """For each answer how many of its row are the same; 0 where nobody was asked. Shape (N, K)."""
    same = np.zeros_like(answers_NK)
    for column in answers_NK.T:
        same += answers_NK == column[:, None]
    return np.where(answers_NK == NOBODY, 0, same)


def asked(answers_NK: Ids) -> Ids:
    """How many experts of each row answered, shape (N,)."""
    return np.asarray((answers_NK != NOBODY).sum(axis=1), np.int64)


def shares(answers_NK: Ids) -> Floats:
    """Agreement of each item, more than 0 to 1; NaN below two answers. Shape (N,)."""
    voters = asked(answers_NK)
    most = counts(answers_NK).max(axis=1, initial=0)
    return np.where(voters > 1, most / np.maximum(voters, 1), np.nan)


def shuffled(answers_NK: Ids, generator: np.random.Generator) -> Ids:
    """Each expert's answers, dealt anew over the items that he answered: what is left is chance."""
    dealt = answers_NK.copy()
    for column in dealt.T:
        there = np.flatnonzero(column != NOBODY)
        column[there] = column[generator.permutation(there)]
    return dealt


def chance(answers_NK: Ids, generator: np.random.Generator) -> float:
    """Mean agreement of shuffled answers; NaN when no item has two."""
    return _mean([shares(shuffled(answers_NK, generator)) for _ in range(_SHUFFLES)])


def _mean(values: list[Floats]) -> float:
    finite = np.concatenate([each[np.isfinite(each)] for each in values])
    return float(finite.mean()) if finite.size else float("nan")
