"""Whose each lane is: as the job says or, where there is only a ledger, as its decisions do.

A decision that names two lanes names the local one first, because that is the order in which they are asked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tandem_reasoning.routing.replay import choice
from tandem_reasoning.values import Lane, LaneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The lanes of a run.

    Attributes:
        name: The run's; empty when only its ledger is known.
        kinds: Whose each lane is, as far as that is known.
        lanes: All that the job says of a lane; empty when only the ledger is known.
    """

    name: str = ""
    kinds: Mapping[str, LaneKind] = field(default_factory=dict[str, LaneKind])
    lanes: Mapping[str, Lane] = field(default_factory=dict[str, Lane])

    def kind(self, lane: str) -> LaneKind | None:
        """Whose a lane is; None when nobody says."""
        return self.kinds.get(lane)


def of_job(name: str, lanes: Iterable[Lane]) -> Sides:
    """As the job says."""
    by_name = {lane.name: lane for lane in lanes}
    return Sides(name=name, kinds={lane.name: lane.kind for lane in by_name.values()}, lanes=by_name)


def of_choices(choices: Iterable[str]) -> Sides:
    """As the decisions of a ledger say, each as it is kept beside its outcome."""
    kinds: dict[str, LaneKind] = {}
    for each in filter(None, map(choice.read, choices)):
        kinds |= dict(zip(each.lanes, (LaneKind.LOCAL, LaneKind.CLOUD), strict=False)) if len(each.lanes) > 1 else {}
    return Sides(kinds=kinds)
