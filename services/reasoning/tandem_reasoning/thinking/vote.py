"""Which answer most experts gave, and when nobody else need be asked.

Majority voting gives most of what debates of models give, at the cost of one round ("Debate or Vote", arXiv 2508.17536). Experts of
one model err together, so the first few often settle it: stop when those who are left could not change the result, or hardly gain
anything by how such questions went (`scatter`); and as long as that is not known, when the leader is `margin` votes ahead (adaptive
consistency, arXiv 2305.11860).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tandem_reasoning.thinking import scatter

LEAST = 3
"""Answers before which a lead is not believed: two experts of one model often err alike.

On drawn questions that correlate as measured (8 experts worth 1.6, single calls right in 3 of 4), two ahead of at least three asks
3.9 of 8 for 0.2 points; without it 2.9 of 8 for 0.7 points; three ahead 4.3 of 8 for nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """How a vote stands.

    Attributes:
        answer: The answer with most votes, as `answers.keyed` gives it.
        voter: Place of the voter whose reply stands for it.
        share: Part of the votes that it has, more than 0 to 1.
        ahead: Votes that it is before the next answer.
        counts: Votes of each answer, most first.
    """

    answer: str
    voter: int
    share: float
    ahead: int
    counts: tuple[tuple[str, int], ...]

    @property
    def unanimous(self) -> bool:
        """Whether all gave one answer."""
        return len(self.counts) == 1


def plurality(answers: Sequence[str], *, ranks: Sequence[int] | None = None) -> Vote:
    """The answer that most gave; of several with as many votes that of the stronger voter, then that of the first.

    Args:
        answers: One of each voter, at least one; the same text is the same answer.
        ranks: How strong each voter is, 0 the strongest; all alike when left out.
    """
    assert answers, "nobody voted"
    strength = ranks or [0] * len(answers)
    best: dict[str, tuple[int, int]] = {}
    for voter, answer in enumerate(answers):
        best[answer] = min(best.get(answer, (strength[voter], voter)), (strength[voter], voter))
    counts = sorted(Counter(answers).items(), key=lambda counted: (-counted[1], best[counted[0]]))
    answer, most = counts[0]
    second = counts[1][1] if len(counts) > 1 else 0
    return Vote(answer=answer, voter=best[answer][1], share=most / len(answers), ahead=most - second, counts=tuple(counts))


def joined(answers: Sequence[str], other: str) -> Vote:
    """The vote when a stronger lane's answer joins it: one more voter, the last, to whom ties go."""
    return plurality([*answers, other], ranks=[*([1] * len(answers)), 0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Enough:
    """When a vote is settled.

    Attributes:
        margin: Votes ahead that are enough; as many as there are experts asks all whose votes could still matter.
        least: Answers before which neither a lead nor anything else is believed.
        spread: How far answers to such questions scatter; where it is known it decides in place of the margin.
        tolerance: What asking the rest may gain at most without being worth it, where the spread is known.
    """

    margin: int
    least: int = LEAST
    spread: float | None = None
    tolerance: float = scatter.TOLERANCE


def decided(answers: Sequence[str], *, experts: int, enough: Enough) -> bool:
    """Whether nobody else need be asked: all have answered, the leader cannot be reached, or it is sure enough.

    Args:
        answers: Those given so far.
        experts: How many would be asked at most.
        enough: What is sure enough.
    """
    return _settled(_votes(answers), experts, enough)


def wanted(answers: Sequence[str], *, experts: int, enough: Enough) -> int:
    """How many more to ask at once, so that none of them could have been spared by asking one by one.

    Args:
        answers: Those given so far.
        experts: How many are asked at most.
        enough: When nobody else need be asked.
    """
    ways, more = {_votes(answers)}, 0
    while not any(_settled(votes, experts, enough) for votes in ways):
        ways, more = {after for votes in ways for after in scatter.followed(votes)}, more + 1
    return more


def _votes(answers: Sequence[str]) -> scatter.Votes:
    return tuple(sorted(Counter(answers).values(), reverse=True))


def _settled(votes: scatter.Votes, experts: int, enough: Enough) -> bool:
    left = experts - sum(votes)
    ahead = votes[0] - (votes[1] if len(votes) > 1 else 0) if votes else 0
    if left <= 0 or ahead > left:
        return True
    if not votes or sum(votes) < enough.least:
        return False
    return ahead >= enough.margin if enough.spread is None else scatter.gain(votes, left, enough.spread) <= enough.tolerance
