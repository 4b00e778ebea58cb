"""What a policy would have been worth on logged questions, by inverse propensity, with intervals.

A question on which the policy's decision was seen stands for all those on which it might have been: it counts by the inverse of that
chance (Horvitz and Thompson 1952). Three estimates of one mean, which should tell the same:

- ips: the weighted sum over all questions. Not biased, but uneasy where chances are small.
- snips: divided by the sum of the weights (self-normalised; Swaminathan and Joachims 2015). Steadier, and never outside what was seen.
- dr: the same within classes of questions with a like chance of agreement, put together by how many questions each class has. That is
  the doubly robust estimate (Dudik et al. 2011) with a class's own mean as its model: where chances tell little, classes do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tandem_reasoning.routing.decision import Decision, Policy
from tandem_reasoning.routing.estimate import agreement
from tandem_reasoning.routing.replay.log import Logged, outcome
from tandem_reasoning.scores.resampling import DRAWS, ENOUGH, Floats, around, intervals, once
from tandem_reasoning.scores.score import Interval
from tandem_reasoning.scores.wilson import wilson

_CLASSES = 5  # of chances of agreement, each a fifth wide: the lines of a cascade lie at their borders


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over all questions.

    Attributes:
        ips: By inverse propensity.
        snips: Self-normalised.
        dr: Doubly robust; the one to go by.
        interval: 95 % bootstrap interval of dr, of worth that never differed Wilson's for the effective number of questions; None below ten
            questions on which the decision was seen.
    """

    ips: float
    snips: float
    dr: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a policy would have been worth.

    Attributes:
        worth: Mean worth of a question's answer; None when its decision was never seen.
        cost_nano: Mean cost of a question, nano-dollars; None likewise.
        questions: How many were logged.
        seen: On how many the policy's decision was seen.
        effective: As how many equally weighted ones those count (Kish 1965): far fewer than seen means that few of them say it all.
    """

    worth: Estimate | None
    cost_nano: Estimate | None
    questions: int
    seen: int
    effective: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Weighted:
    """Columns over the questions: weight (0 where not seen), worth and cost (0 where not seen), class."""

    weight_N: Floats
    worth_N: Floats
    cost_N: Floats
    class_N: npt.NDArray[np.int64]


def evaluate(rows: Sequence[Logged], policy: Policy, *, seed: int = 0, resamples: int = DRAWS) -> Evaluation:
    """What `policy` would have been worth on `rows`.

    The items' own draws decided what was seen, so the policy gets fresh ones. What it would have learned from its own labels is not
    replayed: it is told what the logging policy was told.

    Args:
        rows: What was logged.
        policy: Whom to judge.
        seed: Of the draws and of the bootstrap.
        resamples: Draws of the bootstrap.
    """
    found = _weighted(rows, policy, np.random.default_rng(seed).random(len(rows)))
    seen, total = int((found.weight_N > 0).sum()), float(found.weight_N.sum())
    effective = total * total / float((found.weight_N**2).sum()) if seen else 0.0
    worth, cost = (_estimate(found, values, seed, resamples) if seen else None for values in (found.worth_N, found.cost_N))
    worth = worth and replace(worth, interval=_as_certain_as(worth, effective))
    return Evaluation(worth=worth, cost_nano=cost, questions=len(rows), seen=seen, effective=effective)


def _as_certain_as(worth: Estimate, effective: float) -> Interval | None:
    """Where all that was seen was worth the same no draw of the bootstrap differs, and few questions would seem to say all."""
    interval = worth.interval
    if interval is None or interval.low != interval.high or not 0 <= worth.dr <= 1:
        return interval
    return around(wilson(worth.dr, effective), worth.dr)


def _weighted(rows: Sequence[Logged], policy: Policy, draws: Floats) -> _Weighted:
    columns = np.zeros((3, len(rows)))
    classes: dict[tuple[object, ...], int] = {}
    class_N = np.zeros(len(rows), np.int64)
    for place, (row, draw) in enumerate(zip(rows, draws.tolist(), strict=True)):
        decision = policy.route(replace(row.known, draw=draw))
        class_N[place] = classes.setdefault(_class(decision, row), len(classes))
        if decision.lanes and (found := outcome(decision, row)) is not None:
            (worth, cost), chance = found
            columns[:, place] = 1 / chance, worth, cost
    return _Weighted(weight_N=columns[0], worth_N=columns[1], cost_N=columns[2], class_N=class_N)


def _class(decision: Decision, row: Logged) -> tuple[object, ...]:
    """Questions of one class are decided alike and have a like chance of agreement."""
    p = agreement(row.known.neighbours)
    return decision.mode, decision.lanes, decision.compare, None if p is None else min(int(p * _CLASSES), _CLASSES - 1)


def _estimate(found: _Weighted, values_N: Floats, seed: int, resamples: int) -> Estimate:
    items = len(values_N)
    weighted_N = found.weight_N * values_N
    classes = int(found.class_N.max()) + 1

    def doubly_robust(draw: Floats) -> float:
        drawn = draw[:items]
        members, weights, sums = (np.bincount(found.class_N, drawn * each, classes) for each in (1.0, found.weight_N, weighted_N))
        total = float(weights.sum())
        if not total:
            return float("nan")
        mean = np.where(weights > 0, sums / np.where(weights > 0, weights, 1.0), float(sums.sum()) / total)
        return float((members * mean).sum()) / float(members.sum())

    enough = int((found.weight_N > 0).sum()) >= ENOUGH
    interval = intervals([doubly_robust], items, seed=seed, count=resamples)[0] if enough else None
    value = doubly_robust(once(items))
    return Estimate(
        ips=float(weighted_N.mean()),
        snips=float(weighted_N.sum() / found.weight_N.sum()),
        dr=value,
        interval=around(interval, value),
    )
