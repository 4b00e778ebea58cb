"""The bootstrap: repeatable, and its intervals hold the truth about as often as they say."""

import numpy as np
from tandem_reasoning.scores.resampling import IMAGINED, around, draws, intervals, mean, once
from tandem_reasoning.scores.score import Interval


def test_the_same_seed_gives_the_same_interval() -> None:
    """And another seed another one."""
    figure = mean(np.random.default_rng(0).random(50))
    assert intervals([figure], 50, seed=1) == intervals([figure], 50, seed=1)
    assert intervals([figure], 50, seed=1) != intervals([figure], 50, seed=2)


def test_every_draw_has_as_many_items_as_there_are() -> None:
    """Imagined ones included."""
    for weights in draws(7, seed=0, count=5):
        assert weights.shape == (7 + IMAGINED,)
        assert weights.sum() == 7 + IMAGINED


def test_an_interval_of_a_share_holds_the_truth() -> None:
    """Nine of ten out of thirty items, two hundred times: the 95 % interval misses it at most one time in ten."""
    generator = np.random.default_rng(3)
    missed = 0
    for seed in range(200):
        values = (generator.random(30) < 0.9).astype(np.float64)
        (interval,) = intervals([mean(values, (1.0, 0.0))], 30, seed=seed, count=200)
        assert interval is not None
        missed += not interval.touches(0.9)
    assert missed <= 20


def test_twenty_out_of_twenty_is_not_certain() -> None:
    """The imagined items keep an interval open that would have no width; it still holds the value."""
    (interval,) = intervals([mean(np.ones(20), (1.0, 0.0))], 20, seed=0)
    held = around(interval, 1.0)
    assert held is not None
    assert 0.75 < held.low < 0.95
    assert held.high == 1.0


def test_a_figure_that_cannot_be_worked_out_has_no_interval() -> None:
    """Where more than one draw in ten gives no number there is nothing to say."""
    assert intervals([lambda _: float("nan")], 10, seed=0, count=20) == (None,)


def test_no_draw_at_all_is_the_figure_itself() -> None:
    """Each real item once and no imagined one."""
    values = np.array([1.0, np.nan, 0.0, 1.0])
    assert mean(values, (5.0,))(once(4)) == 2 / 3
    assert np.isnan(mean(np.array([np.nan]))(once(1)))


def test_an_interval_holds_its_value() -> None:
    """Widened where the bootstrap alone would leave it out."""
    assert around(Interval(0.2, 0.4), 0.5) == Interval(0.2, 0.5)
    assert around(None, 0.5) is None
