"""What quality costs: policies as points between all-local and all-cloud, beside what a coin reaches for the same money and an oracle.

A saving alone says nothing: always asking the local lane saves most. So every point is read against random routing at its own cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tandem_reasoning.routing.decision import Arm
from tandem_reasoning.routing.replay.log import Logged
from tandem_reasoning.scores.measures.quality import recovered

GOOD = 0.95
"""Part of the cloud lane's quality whose price is reported."""


class Point(NamedTuple):
    """A policy: its name, mean cost of a question in nano-dollars, mean worth of an answer."""

    name: str
    cost_nano: float
    worth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Policies by cost and worth.

    Attributes:
        local: Everything to the local lane.
        cloud: Everything to the cloud lane.
        oracle: The cheapest right answer of each question, as nobody can know it beforehand; None where both lanes never answered.
        points: The policies.
    """

    local: Point
    cloud: Point
    points: tuple[Point, ...]
    oracle: Point | None = None

    def random_at(self, cost_nano: float) -> float:
        """What a coin that costs as much is worth: on the straight line between both lanes, and no more beyond them."""
        low, high = sorted((self.local, self.cloud), key=lambda point: point.cost_nano)
        if high.cost_nano <= low.cost_nano:
            return max(low.worth, high.worth)
        part = min(max((cost_nano - low.cost_nano) / (high.cost_nano - low.cost_nano), 0.0), 1.0)
        return low.worth + part * (high.worth - low.worth)

    def over_random(self, point: Point) -> float:
        """How much more a point is worth than a coin that costs as much."""
        return point.worth - self.random_at(point.cost_nano)

    def pgr(self, point: Point) -> float | None:
        """Part of the gap between the lanes that it closes; None when there is no gap."""
        part = recovered(point.worth, self.local.worth, self.cloud.worth)
        return part if np.isfinite(part) else None

    def cost_part(self, point: Point) -> float | None:
        """Its cost as a part of the cloud lane's; None when that costs nothing."""
        return point.cost_nano / self.cloud.cost_nano if self.cloud.cost_nano else None

    def cost_at(self, part: float = GOOD) -> float | None:
        """The least mean cost of a question, nano-dollars, for `part` of the cloud lane's worth; None when no mixture reaches it.

        Between two policies lies every mixture of them: a coin that picks one for each question.
        """
        aim = part * self.cloud.worth
        every = (self.local, self.cloud, *self.points)
        reached = [point.cost_nano for point in every if point.worth >= aim]
        mixed = [
            low.cost_nano + (aim - low.worth) / (high.worth - low.worth) * (high.cost_nano - low.cost_nano)
            for low in every
            for high in every
            if low.worth < aim <= high.worth
        ]
        return min([*reached, *mixed], default=None)


def oracle(rows: Sequence[Logged]) -> Point | None:
    """The local answer where it is right or neither is, else the cloud lane's; from questions on which both were seen."""
    both = [row for row in rows if Arm.LOCAL in row.seen and Arm.CLOUD in row.seen]
    if not both:
        return None
    local, cloud = ([row.seen[arm] for row in both] for arm in (Arm.LOCAL, Arm.CLOUD))
    weights = np.array([1 / min(row.chances[Arm.LOCAL], row.chances[Arm.CLOUD]) for row in both])
    best = [one if one.worth >= other.worth else other for one, other in zip(local, cloud, strict=True)]
    cost, worth = (float(np.average([each[place] for each in best], weights=weights)) for place in (1, 0))
    return Point("oracle", cost, worth)
