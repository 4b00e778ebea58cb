"""A policy beside the others, from the log of whatever policy a run had: worth, cost, and what a coin is worth for the same money.

All costs are of one question in the mean, US dollars. What was never seen is None and not made up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tandem_reasoning.routing.decision import Mode, Policy
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.ensemble import Ensemble
from tandem_reasoning.routing.policies.fixed import Cloud, Local, Random
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.replay.curve import GOOD, Curve, Point, between, point
from tandem_reasoning.routing.replay.evaluation import Evaluation, evaluate
from tandem_reasoning.routing.replay.log import Logged
from tandem_reasoning.routing.thresholds import Learning, Thresholds
from tandem_reasoning.values import NANO_USD

SETTLED = Learning(warmup=0, explore=0.0)
"""How a policy is judged: by its own rule, with nothing asked in order to learn."""

_SHARES = (0.25, 0.5, 0.75)
_LINES = (0.6, 0.7, 0.8, 0.9)  # chances of agreement from which on a local answer is enough: from cheap to careful
_LOCAL, _CALL, _CLOUD = "Local", "Local, one call", "Cloud"


def compared(rows: Sequence[Logged], name: str, policy: Policy) -> Mapping[str, Any]:
    """All of it, for JSON.

    Args:
        rows: The log.
        name: Of the policy.
        policy: Whom to judge.
    """
    found = evaluate(rows, policy)
    every = {each: evaluate(rows, other) for each, other in _others().items()}
    points = [each for other, judged in every.items() if (each := point(other, judged)) is not None]
    mine = point(name, found)
    local, cloud = ({lane: every[lane] for lane in lanes} for lanes in ((_LOCAL, _CALL), (_CLOUD,)))
    curve = between(local, cloud, (*points, *([mine] if mine else [])))
    return {
        "questions": len(rows),
        "policy": {"name": name, **_told(mine, found), **(_placed(mine, curve) if mine and curve else {})},
        "baselines": {
            "local": _short(curve.local if curve else None),
            "cloud": _short(curve.cloud if curve else None),
            "random": _coin(mine, curve),
            "oracle": _short(curve.oracle) if curve else None,
        },
        "curve": [{"name": each.name, **(_short(each) or {})} for each in sorted(points, key=lambda each: each.cost_nano)],
        "cost_usd_at_95_percent": _usd(curve.cost_at(GOOD)) if curve else None,
    }


def _others() -> Mapping[str, Policy]:
    """What any policy is read against: each lane alone, coins, and the learned ones with their line at several places."""
    careful = {line: Thresholds(local_above=line) for line in _LINES}
    return {
        _LOCAL: Local(),
        _CALL: Local(mode=Mode.SINGLE),
        _CLOUD: Cloud(),
        **{f"Random, {share:.0%} cloud": Random(share=share) for share in _SHARES},
        **{f"Knn, local from {line:.0%}": Knn(local_above=line, learning=SETTLED) for line in _LINES},
        **{f"Cascade, local from {line:.0%}": Cascade(thresholds=lines, learning=SETTLED) for line, lines in careful.items()},
        "Ensemble": Ensemble(cascade=Cascade(learning=SETTLED)),
    }


def _told(mine: Point | None, found: Evaluation) -> Mapping[str, Any]:
    interval = found.worth.interval if found.worth else None
    return {
        **(_short(mine) or {"worth": None, "cost_usd": None}),
        "worth_interval": None if interval is None else [interval.low, interval.high],
        "seen": found.seen,
        "effective": found.effective,
    }


def _placed(mine: Point, curve: Curve) -> Mapping[str, Any]:
    """Where the policy lies between both lanes."""
    return {"over_random": curve.over_random(mine), "gap_recovered": curve.pgr(mine), "part_of_cloud_cost": curve.cost_part(mine)}


def _coin(mine: Point | None, curve: Curve | None) -> Mapping[str, Any] | None:
    """A coin at the policy's own cost."""
    return None if mine is None or curve is None else _short(Point("", mine.cost_nano, curve.random_at(mine.cost_nano)))


def _short(told: Point | None) -> Mapping[str, Any] | None:
    return None if told is None else {"worth": told.worth, "cost_usd": _usd(told.cost_nano)}


def _usd(nano: float | None) -> float | None:
    return None if nano is None else nano / NANO_USD
