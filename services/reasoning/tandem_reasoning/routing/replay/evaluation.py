"""What a policy would have been worth on logged questions, with intervals: what was seen, and for the rest what was seen of its like.

A question on which the policy's decision was not seen counts as those of its class that were seen by the same chance, as far as those
are many; else as its class, else as the whole (`credibility`). Within such a cell chance alone says what is seen, so a lane that is asked
on purpose where it is good does not speak for the others (post-stratified by propensity: Rosenbaum and Rubin 1984). Where a run has no
classes, what the local lane's answer was worth stands in for them, on questions of which it is seen for certain.

Two plain estimates by inverse propensity (Horvitz and Thompson 1952) stand beside it and tell the same where much was seen:

- ips: the weighted sum over all questions. Not biased, but uneasy where chances are small.
- snips: divided by the sum of the weights (self-normalised; Swaminathan and Joachims 2015). Steadier, and never outside what was seen.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tandem_reasoning.routing.decision import Arm, Decision, Policy
from tandem_reasoning.routing.replay.credibility import Filled, filled
from tandem_reasoning.routing.replay.log import Logged, certain, chance, outcome
from tandem_reasoning.scores.resampling import ENOUGH, Floats
from tandem_reasoning.scores.score import Interval
from tandem_reasoning.scores.wilson import wilson

_SPREAD = 0.25  # variance of what is right as often as wrong
_Z = 1.96  # standard errors: 95 %


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A mean over all questions.

    Attributes:
        mean: What was seen, and what is expected of the rest; the one to go by.
        error: Its standard error for these questions: 0 when all were seen.
        interval: 95 %, for questions like these: Wilson's for the effective number of questions, of a cost the normal one; None below ten
            questions on which the decision was seen.
        ips: By inverse propensity.
        snips: Self-normalised.
        values_N: What it is the mean of, a value for each question.
    """

    mean: float
    error: float
    interval: Interval | None
    ips: float
    snips: float
    values_N: Floats = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What a policy would have been worth.

    Attributes:
        worth: Mean worth of a question's answer; None when an answer that it rests on was never seen.
        cost_nano: Mean cost of a question, nano-dollars; None likewise.
        questions: How many were logged.
        seen_N: On which of them the policy's decision was seen.
        effective: As how many questions, all of them seen, those tell of its worth: at most as many as were logged.
    """

    worth: Estimate | None
    cost_nano: Estimate | None
    questions: int
    seen_N: npt.NDArray[np.bool_] = field(repr=False)
    effective: float

    @property
    def seen(self) -> int:
        """On how many the policy's decision was seen."""
        return int(self.seen_N.sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Columns:
    """Over the questions: chance, worth and cost of what was seen, NaN where nothing was; and the cells, the widest first."""

    chance_N: Floats
    worth_N: Floats
    cost_N: Floats
    cells: Sequence[Sequence[Hashable]]


def evaluate(rows: Sequence[Logged], policy: Policy, *, seed: int = 0) -> Evaluation:
    """What `policy` would have been worth on `rows`.

    The items' own draws decided what was seen, so the policy gets fresh ones. What it would have learned from its own labels is not
    replayed: it is told what the logging policy was told.

    Args:
        rows: What was logged, questions of which nothing was seen among them.
        policy: Whom to judge.
        seed: Of the draws.
    """
    draws = np.random.default_rng(seed).random(len(rows)).tolist()
    decisions = [policy.route(replace(row.known, draw=draw)) for row, draw in zip(rows, draws, strict=True)]
    found = _columns(rows, decisions)
    seen_N = np.isfinite(found.worth_N)
    if not seen_N.any() or not _answers(rows, decisions) <= {arm for row in rows for arm in row.seen}:
        return Evaluation(worth=None, cost_nano=None, questions=len(rows), seen_N=seen_N, effective=0.0)
    worth = filled(found.worth_N, found.cells, spread=_SPREAD)
    cost = filled(found.cost_N, found.cells, spread=float(found.cost_N[seen_N].var()))
    effective = _effective(worth)
    enough = int(seen_N.sum()) >= ENOUGH
    return Evaluation(
        worth=_estimate(found, found.worth_N, worth, _of_worth(worth, effective) if enough else None),
        cost_nano=_estimate(found, found.cost_N, cost, _of_cost(cost) if enough else None),
        questions=len(rows),
        seen_N=seen_N,
        effective=effective,
    )


def _columns(rows: Sequence[Logged], decisions: Sequence[Decision]) -> _Columns:
    columns = np.full((3, len(rows)), np.nan)
    cells = list[Sequence[Hashable]]()
    classes = len({row.known.kind for row in rows}) > 1
    for place, (row, decision) in enumerate(zip(rows, decisions, strict=True)):
        arms = certain(decision, row) if decision.lanes else ()
        like = row.known.kind if classes else _worth_for_certain(row, arms)
        cells.append(((decision.mode, decision.lanes, decision.compare, arms), like, chance(decision, row) if decision.lanes else 0.0))
        if decision.lanes and (found := outcome(decision, row)) is not None:
            (worth, cost), chance_ = found
            columns[:, place] = chance_, worth, cost
    return _Columns(chance_N=columns[0], worth_N=columns[1], cost_N=columns[2], cells=list(zip(*cells, strict=True)))


def _worth_for_certain(row: Logged, arms: Sequence[Arm] | None) -> float | None:
    """Worth of the local lane's answer, where it is seen whatever the draw and is not what is asked for."""
    if arms is None:
        return None
    there = (arm for arm in (Arm.VOTE, Arm.LOCAL) if arm not in arms and arm in row.seen and row.chances[arm] == 1)
    return next((row.seen[arm].worth for arm in there), None)


def _answers(rows: Sequence[Logged], decisions: Sequence[Decision]) -> set[Arm]:
    """Arms whose answer would count for some question, as far as that is certain; where none was seen, nothing is known of them."""
    wanted = (certain(decision, row) for row, decision in zip(rows, decisions, strict=True) if decision.lanes)
    return {arms[-1] for arms in wanted if arms}


def _estimate(found: _Columns, seen_N: Floats, values: Filled, interval: Interval | None) -> Estimate:
    weight_N = 1 / found.chance_N
    weighted = float(np.nansum(weight_N * seen_N))
    return Estimate(
        mean=float(values.values_N.mean()),
        error=values.error,
        interval=interval,
        ips=weighted / len(seen_N),
        snips=weighted / float(np.nansum(weight_N)),
        values_N=values.values_N,
    )


def _effective(worth: Filled) -> float:
    """So many questions, all of them seen, leave as much open; a right and a wrong one are imagined, so that all right is not certain."""
    questions = len(worth.values_N)
    part = (float(worth.values_N.sum()) + 1) / (questions + 2)
    return questions / (1 + questions * worth.error**2 / (part * (1 - part)))


def _of_worth(worth: Filled, effective: float) -> Interval:
    return wilson(min(max(float(worth.values_N.mean()), 0.0), 1.0), effective)


def _of_cost(cost: Filled) -> Interval:
    mean, questions = float(cost.values_N.mean()), len(cost.values_N)
    wide = _Z * float(np.sqrt(cost.error**2 + cost.values_N.var() / questions))
    return Interval(max(mean - wide, 0.0), mean + wide)
