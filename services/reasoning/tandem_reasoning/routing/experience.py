"""What votes were worth so far, for each local lane and each class of questions: the narrowest of which enough was seen is believed.

One local model is sure of what it does not know, another is not; and the same model is right when unanimous on one class of questions
and wrong on another. Where a class has too few questions its lane speaks for it, and where that has too few, all lanes do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tandem_reasoning.routing.escalation import Reliability
from tandem_reasoning.routing.gain import Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """Shares of votes, and whether the lanes agreed.

    Attributes:
        pooled: Over all lanes and classes.
        lanes: By local lane.
        classes: By local lane and class of questions.
        singles: What one greedy call gained over the vote, a loss as a rule: by lane and class, and by lane with None for its class.
    """

    pooled: Reliability = field(default_factory=Reliability)
    lanes: Mapping[str, Reliability] = field(default_factory=dict[str, Reliability])
    classes: Mapping[tuple[str, str], Reliability] = field(default_factory=dict[tuple[str, str], Reliability])
    singles: Mapping[tuple[str, str | None], Gain] = field(default_factory=dict[tuple[str, str | None], Gain])

    def of(self, lane: str, kind: str) -> Reliability:
        """What is believed of a lane's votes on a class of questions."""
        narrow = (self.classes.get((lane, kind)) if kind else None, self.lanes.get(lane))
        return next((each for each in narrow if each is not None and each.enough), self.pooled)

    def single(self, lane: str, kind: str) -> Gain:
        """What one greedy call of a lane gained over its vote: on a class of questions where that has lost or is known, else on all."""
        of_class, of_lane = (self.singles.get((lane, each), Gain()) for each in (kind, None))
        return of_class if of_class.known or of_class.lost > of_class.won else of_lane

    def seen(self, lane: str, kind: str, share: float, *, agreed: bool, alone: bool | None = None) -> "Experience":
        """With one more question that both lanes answered, whatever came.

        Args:
            lane: The local one.
            kind: Class of the question.
            share: Share of votes for the local lane's answer.
            agreed: Whether that was the cloud lane's, too.
            alone: Whether that of one greedy call was; None when it was not made.
        """
        nothing, place = Reliability(), (lane, kind)
        return Experience(
            pooled=self.pooled.seen(share, agreed=agreed),
            lanes={**self.lanes, lane: self.lanes.get(lane, nothing).seen(share, agreed=agreed)},
            classes={**self.classes, place: self.classes.get(place, nothing).seen(share, agreed=agreed)},
            singles=self.singles if alone is None else {**self.singles, **self._singles(lane, kind, alone=alone, agreed=agreed)},
        )

    def _singles(self, lane: str, kind: str, *, alone: bool, agreed: bool) -> Mapping[tuple[str, str | None], Gain]:
        return {(lane, each): self.singles.get((lane, each), Gain()).seen(one=alone, other=agreed) for each in (kind, None)}
