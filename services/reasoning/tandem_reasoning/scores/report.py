"""All scores of a run at once: answered items in, one Score for each row of the catalogue out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tandem_reasoning.scores.answered import Answered, Floats, Table, table
from tandem_reasoning.scores.catalogue import ALIASES, CATALOGUE
from tandem_reasoning.scores.measures import agreement, coherence, confidence, entropy, experts, lift, quality, stability
from tandem_reasoning.scores.measures.coherence import Rationales
from tandem_reasoning.scores.measures.quality import Gap
from tandem_reasoning.scores.ranking import Ranking
from tandem_reasoning.scores.resampling import DRAWS, ENOUGH, Figure, around, interval, intervals, mean, once
from tandem_reasoning.scores.score import Interval, Score

_SHARE = (1.0, 0.0)  # imagined items of a share: a right one and a wrong one
_DIFFERENCE = (1.0, -1.0)  # of a difference of two rights: one that gains and one that loses


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A score before its interval: its figure, how many items it rests on, its baseline, its parts, its values as a ranking."""

    figure: Figure
    items: int
    chance: float = 0.0
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    ranking: Ranking | None = None


def report(
    items: Sequence[Answered], *, told: Rationales | None = None, gap: Gap | None = None, seed: int = 0, resamples: int = DRAWS
) -> tuple[Score, ...]:
    """A score for each row of the catalogue, in its order; those that cannot be measured have the value None.

    Args:
        items: What was answered.
        told: The experts' rationales, item by item in the same order; None when they were not embedded.
        gap: The run between its lanes; None when nobody has judged them.
        seed: Of the shuffled baselines and the bootstrap; the same seed gives the same report.
        resamples: Draws of the bootstrap.
    """
    columns = table(items)
    measured = {name: measure(columns, np.random.default_rng(seed)) for name, measure in _MEASURES.items()}
    if told is not None:
        measured["embeddingCoherence"] = _valued(coherence.coherences(told), columns.vote_right_N, chance=0.0)
    scores = _scores(measured, columns.items, seed, resamples)
    if gap is not None and np.isfinite(gap.recovered):
        recovered = _recovered(columns, gap, seed, resamples)
        scores = [recovered if score.name == recovered.name else score for score in scores]
    return tuple(scores)


def shown_as(scores: Sequence[Score]) -> Mapping[str, Score]:
    """The scores that stand beside the older names consciousness, integration and coherence. Tandem measures none of those."""
    by_name = {score.name: score for score in scores}
    return {older: by_name[name] for older, name in ALIASES.items()}


def _scores(measured: Mapping[str, _Measured], items: int, seed: int, resamples: int) -> list[Score]:
    figures = {name: each.figure for name, each in measured.items() if each.items >= ENOUGH}
    areas = {name: each.ranking.area for name, each in measured.items() if each.ranking and _enough(each.ranking)}
    found = intervals([*figures.values(), *areas.values()], items, seed=seed, count=resamples)
    spread = dict(zip(figures, found[: len(figures)], strict=True))
    spread_of_area = dict(zip(areas, found[len(figures) :], strict=True))
    return [_score(name, measured.get(name), once(items), spread.get(name), spread_of_area.get(name)) for name in CATALOGUE]


def _score(name: str, each: _Measured | None, whole: Floats, spread: Interval | None, spread_of_area: Interval | None) -> Score:
    entry = CATALOGUE[name]
    value = None if each is None else _told(each.figure(whole))
    if each is None or value is None:
        return Score(name=name, value=None, items=0, formula=entry.formula, validated=False if entry.judged else None)
    area = _told(each.ranking.area(whole)) if each.ranking else None
    certain = around(spread_of_area, area)
    return Score(
        name=name,
        value=value,
        items=each.items,
        formula=entry.formula,
        baseline=_told(each.chance),
        interval=around(spread, value),
        auroc=area,
        auroc_interval=certain,
        validated=certain is not None and certain.low > 0.5 if entry.judged else None,  # noqa: PLR2004 - chance
        parts={part: _told(number) for part, number in each.parts.items()},
    )


def _enough(ranking: Ranking) -> bool:
    return min(ranking.rights, ranking.wrongs) >= ENOUGH


def _told(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None


def _valued(values_N: Floats, right_N: Floats, *, chance: float, points_to_right: int = 1) -> _Measured:
    """The mean of values that every item has without a label."""
    ranking = Ranking(points_to_right * values_N, right_N)
    return _Measured(figure=mean(values_N), items=_count(values_N), chance=chance, ranking=ranking)


def _count(values: Floats) -> int:
    return int(np.isfinite(values).sum())


def _agreement(columns: Table, generator: np.random.Generator) -> _Measured:
    values = agreement.shares(columns.answers_NK)
    return _valued(values, columns.vote_right_N, chance=agreement.chance(columns.answers_NK, generator))


def _entropy(columns: Table, generator: np.random.Generator) -> _Measured:
    values = entropy.entropies(columns.answers_NK)
    chance = entropy.chance(columns.answers_NK, generator)
    return _valued(values, columns.vote_right_N, chance=chance, points_to_right=-1)


def _stability(columns: Table, generator: np.random.Generator) -> _Measured:
    values = stability.stable(columns.answers_NK, columns.earlier_NK)
    return _valued(values, columns.vote_right_N, chance=stability.chance(columns, generator))


def _to_wrong(columns: Table, _: np.random.Generator) -> _Measured:
    values = stability.to_wrong(columns)
    return _Measured(figure=mean(values, _SHARE), items=_count(values))


def _to_right(columns: Table, _: np.random.Generator) -> _Measured:
    values = stability.to_right(columns)
    return _Measured(figure=mean(values, _SHARE), items=_count(values))


def _gain(columns: Table, _: np.random.Generator) -> _Measured:
    gains = experts.gains(columns)
    both = np.isfinite(gains)
    votes, greedy = (mean(np.where(both, right, np.nan)) for right in (columns.vote_right_N, columns.greedy_right_N))
    whole = once(columns.items)
    parts = {"vote": votes(whole), "greedy": greedy(whole)}
    return _Measured(figure=mean(gains, _DIFFERENCE), items=int(both.sum()), parts=parts)


def _effective(columns: Table, _: np.random.Generator) -> _Measured:
    right_NK = columns.right_NK
    known = int((np.isfinite(right_NK).sum(axis=1) > 1).sum())
    parts = {"experts": float(right_NK.shape[1])}
    return _Measured(figure=experts.effective(right_NK), items=known, chance=1.0, parts=parts)


def _complementarity(columns: Table, _: np.random.Generator) -> _Measured:
    right_NK = columns.right_NK
    known = int(np.isfinite(right_NK).all(axis=1).sum()) if right_NK.shape[1] else 0
    return _Measured(figure=experts.complementarity(right_NK), items=known, chance=experts.independent(right_NK))


def _lift(columns: Table, _: np.random.Generator) -> _Measured:
    arms = lift.arms(columns)
    shown, held = arms(once(columns.items))
    return _Measured(
        figure=lambda weights: float(np.subtract(*arms(weights))),
        items=int((np.isfinite(columns.shown_N) & np.isfinite(columns.taken_right_N)).sum()),
        parts={"with": shown, "without": held, "held out": float(lift.held_out(columns))},
    )


def _metacognition(columns: Table, _: np.random.Generator) -> _Measured:
    ranking = Ranking(confidence.confidences(columns), columns.taken_right_N)
    enough = ranking.rights + ranking.wrongs if _enough(ranking) else 0
    return _Measured(figure=ranking.area, items=enough, chance=0.5)


def _calibration(columns: Table, generator: np.random.Generator) -> _Measured:
    sure, right = confidence.confidences(columns), columns.taken_right_N
    return _Measured(
        figure=confidence.Calibration(sure, right).error,
        items=int((np.isfinite(sure) & np.isfinite(right)).sum()),
        chance=confidence.chance(sure, right, generator),
    )


def _accuracy(columns: Table, _: np.random.Generator) -> _Measured:
    values = columns.taken_right_N
    return _Measured(figure=mean(values, _SHARE), items=_count(values), chance=quality.chance(columns))


def _recovered(columns: Table, gap: Gap, seed: int, resamples: int) -> Score:
    """How much of the gap was closed; what is drawn anew is what the lanes may be worth, since on these questions the run is known."""
    spread = interval(gap.drawn(np.random.default_rng(seed), resamples)) if gap.items >= ENOUGH else None
    return Score(
        name="pgr",
        value=gap.recovered,
        items=gap.items,
        formula=CATALOGUE["pgr"].formula,
        baseline=_told(mean(columns.by_cloud_N)(once(columns.items))),
        interval=around(spread, gap.recovered),
        parts={"run": gap.run, "local": gap.local, "cloud": gap.cloud},
    )


_MEASURES: Mapping[str, Callable[[Table, np.random.Generator], _Measured]] = {
    "accuracy": _accuracy,
    "agreement": _agreement,
    "semanticEntropy": _entropy,
    "stability": _stability,
    "rightToWrong": _to_wrong,
    "wrongToRight": _to_right,
    "ensembleGain": _gain,
    "effectiveExperts": _effective,
    "complementarity": _complementarity,
    "crossLaneLift": _lift,
    "metacognition": _metacognition,
    "calibrationError": _calibration,
}
