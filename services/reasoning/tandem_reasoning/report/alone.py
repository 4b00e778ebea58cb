"""Would one lane have done? What each lane alone would have been worth and have cost, from what the run itself saw of it.

A lane was not asked everything, and what it was asked was not drawn by lot: so each question counts by the inverse of the chance that
its answer was seen (`routing.replay`). Where a lane was never asked, nothing is said of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tandem_reasoning.routing.decision import Arm, Mode, Policy
from tandem_reasoning.routing.policies.fixed import Cloud, Local
from tandem_reasoning.routing.replay.curve import Curve, Point, oracle
from tandem_reasoning.routing.replay.evaluation import Evaluation, evaluate
from tandem_reasoning.routing.replay.log import Logged
from tandem_reasoning.values import LaneKind

LOCAL_VOTE, LOCAL_CALL, CLOUD_CALL = "local alone, a vote", "local alone, one call", "cloud alone, one call"
_POLICIES: Mapping[str, tuple[LaneKind, Policy]] = {
    LOCAL_VOTE: (LaneKind.LOCAL, Local()),
    LOCAL_CALL: (LaneKind.LOCAL, Local(mode=Mode.SINGLE)),
    CLOUD_CALL: (LaneKind.CLOUD, Cloud()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """A lane alone.

    Attributes:
        name: In what manner.
        kind: Which.
        found: What it would have been worth and have cost a question.
    """

    name: str
    kind: LaneKind
    found: Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """Accuracy on questions of one class: the run's own, and each lane's where it was asked, as far as they are known."""

    kind: str
    questions: int
    run: float
    local: float | None
    cloud: float | None


def alone(rows: Sequence[Logged], kinds: Iterable[LaneKind]) -> tuple[Alone, ...]:
    """Each lane alone, in each manner of which anything was seen.

    Args:
        rows: Questions whose answers can be compared.
        kinds: Whose lanes the run has.
    """
    there = set(kinds)
    found = (Alone(name=name, kind=kind, found=evaluate(rows, policy)) for name, (kind, policy) in _POLICIES.items() if kind in there)
    return tuple(each for each in found if each.found.worth is not None)


def curve(every: Sequence[Alone], run: Point, rows: Sequence[Logged]) -> Curve | None:
    """Quality over cost: the run between both lanes alone; None unless something was seen of both."""
    local = [each for each in every if each.kind is LaneKind.LOCAL]
    cloud = [each for each in every if each.kind is LaneKind.CLOUD]
    if not local or not cloud:
        return None
    best = max(local, key=lambda each: each.found.effective)
    return Curve(local=_point(best), cloud=_point(cloud[0]), points=(run,), oracle=oracle(rows))


def by_kind(rows: Sequence[Logged], right: Mapping[str, tuple[int, int]]) -> tuple[ByKind, ...]:
    """Accuracy by class, the largest class first.

    Args:
        rows: Labelled questions.
        right: By class: right answers of the run, and how many have a label.
    """
    members: dict[str, list[Logged]] = {}
    for row in rows:
        members.setdefault(row.known.kind, []).append(row)
    return tuple(
        ByKind(
            kind=kind,
            questions=of,
            run=rights / of,
            local=_worth(members.get(kind, ()), (Arm.VOTE, Arm.LOCAL)),
            cloud=_worth(members.get(kind, ()), (Arm.CLOUD,)),
        )
        for kind, (rights, of) in sorted(right.items(), key=lambda each: (-each[1][1], each[0]))
        if of
    )


def _worth(rows: Iterable[Logged], arms: Sequence[Arm]) -> float | None:
    """Mean worth of the first of the arms that was seen, questions weighted by the inverse of their chance."""
    total = weights = 0.0
    for row in rows:
        arm = next((each for each in arms if each in row.seen), None)
        if arm is not None:
            weight = 1 / row.chances[arm]
            total, weights = total + weight * row.seen[arm].worth, weights + weight
    return total / weights if weights else None


def _point(each: Alone) -> Point:
    worth, cost = each.found.worth, each.found.cost_nano
    assert worth is not None
    assert cost is not None
    return Point(each.name, cost.dr, worth.dr)
