"""AUROC, against counting every pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.scores.ranking import Ranking, auroc

PAIRS = st.lists(st.tuples(st.integers(0, 5).map(float), st.booleans()), min_size=1, max_size=30)


def counted(values: list[float], right: list[bool]) -> float | None:
    """The chance that a right one is above a wrong one, by looking at every pair."""
    pairs = [
        (a > b) + (a == b) / 2
        for a, good in zip(values, right, strict=True)
        if good
        for b, bad in zip(values, right, strict=True)
        if not bad
    ]
    return sum(pairs) / len(pairs) if pairs else None


def split(pairs: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([value for value, _ in pairs]), np.array([float(right) for _, right in pairs])


@given(PAIRS)
def test_it_is_what_counting_pairs_gives(pairs: list[tuple[float, bool]]) -> None:
    """With ties as halves; None when all are right or all wrong."""
    expected = counted(*map(list, zip(*pairs, strict=True)))  # type: ignore[arg-type]
    assert auroc(*split(pairs)) == (None if expected is None else approx(expected))


@given(PAIRS, st.data())
def test_weights_are_repetitions(pairs: list[tuple[float, bool]], data: st.DataObject) -> None:
    """An item of weight 3 counts as three items; weights beyond the items are of imagined ones and do not count here."""
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    repeated = [pair for pair, weight in zip(pairs, weights, strict=True) for _ in range(weight)]
    area = Ranking(*split(pairs)).area(np.array([*weights, 9, 9, 9, 9], np.float64))
    expected = counted(*map(list, zip(*repeated, strict=True))) if repeated else None  # type: ignore[arg-type]
    assert np.isnan(area) if expected is None else area == approx(expected)


@given(PAIRS)
def test_only_the_order_matters(pairs: list[tuple[float, bool]]) -> None:
    """Stretching values changes nothing; turning them round turns the area round; items may come in any order."""
    values, right = split(pairs)
    area = Ranking(values, right).area(np.ones(len(pairs)))
    assert Ranking(np.exp(values) * 3, right).area(np.ones(len(pairs))) == approx(area, nan_ok=True)
    assert Ranking(-values, right).area(np.ones(len(pairs))) == approx(1 - area, nan_ok=True)
    assert Ranking(values[::-1], right[::-1]).area(np.ones(len(pairs))) == approx(area, nan_ok=True)


def test_what_is_not_known_is_left_out() -> None:
    """Neither a missing value nor a missing label counts."""
    values, right = np.array([1.0, 2.0, np.nan, 9.0]), np.array([0.0, 1.0, 0.0, np.nan])
    assert auroc(values, right) == 1.0
