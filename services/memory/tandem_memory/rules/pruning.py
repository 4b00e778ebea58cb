"""Which records are not worth their place: what is too old, what did harm, and all but the best. Pure."""

import numpy as np
import numpy.typing as npt

from tandem_memory.backend import Pruning
from tandem_memory.index import Facts
from tandem_memory.rules.clock import microseconds


def removed(facts: Facts, pruning: Pruning) -> npt.NDArray[np.bool_]:
    """For each record of `facts` whether it goes.

    What is too old or did harm goes first; the best so many are then kept of those that stay. A record without a score is
    worth less than any with one; of records of equal worth the newer stays.
    """
    going = np.zeros(len(facts.positions), np.bool_)
    if pruning.before is not None:
        going |= facts.at < microseconds(pruning.before) * 1000
    if pruning.harmful_after is not None:
        going |= (facts.times >= max(pruning.harmful_after, 1)) & (facts.gain < 0)
    if pruning.keep_best is not None:
        staying = _best_first(facts)
        staying = staying[~going[staying]]
        rank = _rank_within_source(facts.source[staying]) if pruning.per_source else np.arange(len(staying))
        going[staying[rank >= pruning.keep_best]] = True
    return going


def _best_first(facts: Facts) -> npt.NDArray[np.int64]:
    """Places in `facts`, the best record first."""
    score = np.where(np.isnan(facts.score), -np.inf, facts.score)
    return np.lexsort((facts.positions, facts.at, facts.utility, score))[::-1]


def _rank_within_source(source: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """For each place in a ranking how many of the same source stand before it."""
    together = np.argsort(source, kind="stable")
    begins = np.searchsorted(source[together], source[together], side="left")
    rank = np.empty(len(source), np.int64)
    rank[together] = np.arange(len(source)) - begins
    return rank
