"""What quality costs: policies as points between all-local and all-cloud, beside what a coin reaches for the same money and an oracle.

A saving alone says nothing: always asking the local lane saves most. So every point is read against random routing at its own cost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tandem_reasoning.routing.replay.evaluation import Evaluation
from tandem_reasoning.scores.measures.quality import recovered

GOOD = 0.95
"""Part of the cloud lane's quality whose price is reported."""

ORACLE = "oracle"
"""What the cheapest right answers are called, as nobody can know them beforehand."""


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
        oracle: The cheapest right answer of each question, as nobody can know it beforehand.
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


def point(name: str, found: Evaluation) -> Point | None:
    """A policy as it was judged; None where nothing is known of it."""
    return None if found.worth is None or found.cost_nano is None else Point(name, found.cost_nano.mean, found.worth.mean)


def surest(every: Mapping[str, Evaluation]) -> str | None:
    """The manner of asking a lane of which most is known, the first of several; None where nothing is known of any."""
    return max((name for name, found in every.items() if found.worth is not None), key=lambda name: every[name].effective, default=None)


def between(local: Mapping[str, Evaluation], cloud: Mapping[str, Evaluation], points: Iterable[Point]) -> Curve | None:
    """Policies between both lanes; None unless something is known of either.

    Args:
        local: The local lane alone, by manner.
        cloud: The cloud lane alone, by manner.
        points: The policies.
    """
    here, there = surest(local), surest(cloud)
    if here is None or there is None:
        return None
    ends = point(here, local[here]), point(there, cloud[there])
    assert ends[0] is not None
    assert ends[1] is not None
    return Curve(local=ends[0], cloud=ends[1], points=tuple(points), oracle=oracle(local[here], cloud[there]))


def oracle(local: Evaluation, cloud: Evaluation) -> Point | None:
    """The local answer where it is right or neither is, else the cloud lane's; None where nothing is known of either.

    Both were judged on the same questions. Where an answer was not seen, the chance that it is right stands for it.
    """
    if local.worth is None or cloud.worth is None or local.cost_nano is None or cloud.cost_nano is None:
        return None
    cloud_N = (1 - local.worth.values_N) * cloud.worth.values_N  # only the cloud lane is right
    cost_N = (1 - cloud_N) * local.cost_nano.values_N + cloud_N * cloud.cost_nano.values_N
    return Point(ORACLE, float(cost_N.mean()), float((local.worth.values_N + cloud_N).mean()))
