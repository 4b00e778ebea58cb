"""What a policy says: who is asked, in which manner, how sure it was, and with which chance it would have said so.

Chances are logged, so that other policies can be judged later by what this one saw (`replay`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tandem_reasoning.routing.known import Known

ASKED_ANYHOW = 2.0
"""A line that no vote reaches: whatever the local lane says, the cloud lane is asked."""


class Mode(StrEnum):
    """How the lanes are asked.

    Single: one call to one lane. Vote: experts of one lane until it is settled. Cascade: a vote of the first lane; the second is
    asked where it is not clear enough, and then its answer counts. Ensemble: both, and the second lane's answer joins the vote.
    """

    SINGLE = "Single"
    VOTE = "Vote"
    CASCADE = "Cascade"
    ENSEMBLE = "Ensemble"


class Arm(StrEnum):
    """An answer that a question can get, whose worth can be seen: one local call, a local vote, a cloud call, a vote of both."""

    LOCAL = "Local"
    VOTE = "Vote"
    CLOUD = "Cloud"
    JOINED = "Joined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who answers a question.

    Attributes:
        lanes: Names of the lanes, in the order in which they are asked; none when no lane can be asked now.
        mode: How they are asked.
        reason: A sentence why.
        p: Chance that the local lane gives the cloud lane's answer; None when nothing is known.
        escalate_below: In a cascade: a local vote with a smaller share for its answer is handed on; where the cloud lane was spared, it
            would have been.
        compare: Both lanes are asked whatever they say, one greedy local call included, so that something is learned; the cloud lane's
            answer counts.
        propensity: Chance with which this choice was made, more than 0 to 1.
        seen: For each arm the chance that its worth is seen on this question; arms that are never seen are left out. What a cascade
            sees of the cloud lane becomes certain once it escalates.
        spared: The local lane answers alone because the dollars do not reach for the cloud lane, which was to be asked, or to be
            handed a vote that is not clear.
        instead: No lane of the side that was to be asked can be asked now, so that the other one answers alone.
    """

    lanes: tuple[str, ...]
    mode: Mode
    reason: str
    p: float | None = None
    escalate_below: float = 1.0
    compare: bool = False
    propensity: float = 1.0
    seen: Mapping[Arm, float] = field(default_factory=dict[Arm, float])
    spared: bool = False
    instead: bool = False

    def missed(self, share: float | None) -> bool:
        """Whether for want of dollars the cloud lane was not asked that else had been.

        Args:
            share: Share of votes for the local experts' answer, where they voted.
        """
        whatever = self.compare or self.mode is Mode.ENSEMBLE
        return self.spared and (whatever or share is None or share < self.escalate_below)


class Policy(Protocol):
    """Decides who is asked. Pure: the same knowledge gives the same decision."""

    def route(self, known: Known) -> Decision:
        """Who answers the question of which this is known."""
        ...
