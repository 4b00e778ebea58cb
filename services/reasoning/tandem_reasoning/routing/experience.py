"""What votes were worth so far, for each local lane and each class of questions: the narrowest of which enough was seen is believed.

One local model is sure of what it does not know, another is not; and the same model is right when unanimous on one class of questions
and wrong on another. Where a class has too few questions its lane speaks for it, and where that has too few, all lanes do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tandem_reasoning.routing.escalation import Reliability


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """Shares of votes, and whether the lanes agreed.

    Attributes:
        pooled: Over all lanes and classes.
        lanes: By local lane.
        classes: By local lane and class of questions.
    """

    pooled: Reliability = field(default_factory=Reliability)
    lanes: Mapping[str, Reliability] = field(default_factory=dict[str, Reliability])
    classes: Mapping[tuple[str, str], Reliability] = field(default_factory=dict[tuple[str, str], Reliability])

    def of(self, lane: str, kind: str) -> Reliability:
        """What is believed of a lane's votes on a class of questions."""
        narrow = (self.classes.get((lane, kind)) if kind else None, self.lanes.get(lane))
        return next((each for each in narrow if each is not None and each.enough), self.pooled)

    def seen(self, lane: str, kind: str, share: float, *, agreed: bool) -> "Experience":
        """With one more question that both lanes answered, whatever came."""
        nothing, place = Reliability(), (lane, kind)
        return Experience(
            pooled=self.pooled.seen(share, agreed=agreed),
            lanes={**self.lanes, lane: self.lanes.get(lane, nothing).seen(share, agreed=agreed)},
            classes={**self.classes, place: self.classes.get(place, nothing).seen(share, agreed=agreed)},
        )
