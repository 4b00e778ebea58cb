"""Which answered questions would teach something if the cloud lane were asked: those that only the local lane answered, unsure of itself.

Questions alike belong together by their class or, where a set has none, by their words: each joins the first group whose first member
is alike enough. That depends on the order of the questions, and is good enough to tell large groups from small ones.
"""

import numpy as np

from tandem_reasoning.routing.answered import Answered
from tandem_reasoning.routing.curiosity.order import Candidate
from tandem_reasoning.routing.features import DIMENSION, Vector, features

ALIKE = 0.5
"""Cosine from which on two questions are of one group: half of what they say is said by both."""

_MOST_GROUPS = 4096  # as many questions as a router looks at; what is alike to none of them is a group of its own


class Groups:
    """Groups of questions without a class."""

    def __init__(self) -> None:
        self._first_ND = np.zeros((_MOST_GROUPS, DIMENSION), np.float32)
        self._there = self._alone = 0

    def of(self, question: Vector) -> str:
        """The name of its group."""
        near_N = self._first_ND[: self._there] @ question
        if near_N.size and float(near_N.max()) >= ALIKE:
            return f"group {int(near_N.argmax())}"
        if self._there == _MOST_GROUPS:
            self._alone += 1
            return f"alone {self._alone}"
        self._first_ND[self._there] = question
        self._there += 1
        return f"group {self._there - 1}"


def candidate(answered: Answered, groups: Groups) -> Candidate | None:
    """A question as it may be asked; None when the cloud lane answered it, or when nobody knows how sure the local one was.

    Args:
        answered: What came of it.
        groups: Of questions without a class.
    """
    if answered.agreed is not None or len(answered.shares) != 1:
        return None
    (share,) = answered.shares.values()
    if share >= 1:
        return None
    group = answered.question.kind or groups.of(features(answered.question.text))
    return Candidate(item=answered.question.id, disagreement=1 - share, group=group)
