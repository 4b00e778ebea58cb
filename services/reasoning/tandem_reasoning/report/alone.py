"""Would one lane have done? What each lane alone would have been worth and have cost, from what the run itself saw of it.

A lane was not asked everything, and what it was asked was not drawn by lot: so what it was not asked counts as it did on questions of the
same class (`routing.replay`, whose estimate this is). Where a lane was never asked, nothing is said of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tandem_reasoning.routing.decision import Mode, Policy
from tandem_reasoning.routing.policies.fixed import Cloud, Local
from tandem_reasoning.routing.replay.curve import Curve, Point, between, surest
from tandem_reasoning.routing.replay.evaluation import Evaluation, evaluate
from tandem_reasoning.routing.replay.log import Logged
from tandem_reasoning.scores.measures.quality import Gap
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


def curve(every: Sequence[Alone], run: Point) -> Curve | None:
    """Quality over cost: the run between both lanes alone; None unless something was seen of both."""
    return between(_of(every, LaneKind.LOCAL), _of(every, LaneKind.CLOUD), (run,))


def by_kind(rows: Sequence[Logged], every: Sequence[Alone], right: Mapping[str, tuple[int, int]]) -> tuple[ByKind, ...]:
    """Accuracy by class, the largest class first.

    Args:
        rows: Labelled questions.
        every: Each lane alone, on these.
        right: By class: right answers of the run, and how many have a label.
    """
    members: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        members.setdefault(row.known.kind, []).append(place)
    local, cloud = (found.get(surest(found) or "") for found in (_of(every, LaneKind.LOCAL), _of(every, LaneKind.CLOUD)))
    return tuple(
        ByKind(
            kind=kind,
            questions=of,
            run=rights / of,
            local=_worth(local, members.get(kind, [])),
            cloud=_worth(cloud, members.get(kind, [])),
        )
        for kind, (rights, of) in sorted(right.items(), key=lambda each: (-each[1][1], each[0]))
        if of
    )


def _of(every: Sequence[Alone], kind: LaneKind) -> Mapping[str, Evaluation]:
    """A lane alone, by manner."""
    return {each.name: each.found for each in every if each.kind is kind}


def _worth(found: Evaluation | None, members: Sequence[int]) -> float | None:
    """Mean worth on some of the questions; None unless the lane was seen on one of them."""
    if found is None or found.worth is None or not found.seen_N[members].any():
        return None
    return float(found.worth.values_N[members].mean())


def gap(every: Sequence[Alone], curve: Curve) -> Gap:
    """The run between the lanes, with how sure each lane is known."""
    (run,) = curve.points
    errors = {each.name: each.found.worth.error for each in every if each.found.worth is not None}
    seen = min(each.found.seen for each in every if each.name in {curve.local.name, curve.cloud.name})
    return Gap(
        run=run.worth,
        local=curve.local.worth,
        cloud=curve.cloud.worth,
        local_error=errors[curve.local.name],
        cloud_error=errors[curve.cloud.name],
        items=seen,
    )
