"""What a local vote is worth, and so when it is handed on to the cloud lane.

A vote says how sure the experts are, neighbours how often they are right on such questions. Both together are Bayes' rule: odds by
neighbours times how much likelier this share of votes is where the lanes agree than where they do not. Without the neighbours, experts
that are unanimous and wrong on a whole class of questions are believed, and each accepted vote makes the next one more so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_STEPS = 8  # classes of shares: one for each voter of eight
_PRIOR = 1.0  # questions that each class of shares counts as, before anything was seen (Laplace)
_ENOUGH = 10  # questions on which the lanes agreed, and as many on which they did not, before votes are judged by them
_NEVER = 2.0  # a share that no vote has


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """What shares of votes were seen where the lanes agreed, and where they did not; on questions that both answered whatever came.

    Attributes:
        agreed: Questions for each class of shares on which they agreed.
        differed: Those on which they did not.
    """

    agreed: Mapping[int, int] = field(default_factory=dict[int, int])
    differed: Mapping[int, int] = field(default_factory=dict[int, int])

    @property
    def enough(self) -> bool:
        """Whether so much was seen that votes are judged by it."""
        return min(sum(self.agreed.values()), sum(self.differed.values())) >= _ENOUGH

    def seen(self, share: float, *, agreed: bool) -> "Reliability":
        """The same with one more question."""
        place = _place(share)
        if agreed:
            return Reliability(agreed=_counted(self.agreed, place), differed=self.differed)
        return Reliability(agreed=self.agreed, differed=_counted(self.differed, place))

    def agrees(self, p: float, share: float) -> float:
        """Chance that a local vote with this share gives the cloud lane's answer, 0 to 1.

        Args:
            p: Chance before the vote, from questions alike.
            share: Share of votes for its answer.
        """
        place = _place(share)
        like, unlike = p * _part(self.agreed, place), (1 - p) * _part(self.differed, place)
        return like / (like + unlike)

    def accepted_from(self, p: float, sure: float) -> float:
        """The least share from which on a vote is sure enough, however much larger; more than 1 when not even a unanimous one is.

        0, so that others' lines decide, as long as too little was seen.
        """
        if not self.enough:
            return 0.0
        least = _NEVER
        for place in range(_STEPS, -1, -1):
            if self.agrees(p, place / _STEPS) < sure:
                break
            least = max((place - 0.5) / _STEPS, 0.0)
        return least


def _place(share: float) -> int:
    return round(min(max(share, 0.0), 1.0) * _STEPS)


def _counted(counts: Mapping[int, int], place: int) -> Mapping[int, int]:
    return {**counts, place: counts.get(place, 0) + 1}


def _part(counts: Mapping[int, int], place: int) -> float:
    return (counts.get(place, 0) + _PRIOR) / (sum(counts.values()) + _PRIOR * (_STEPS + 1))
