"""What the memory is worth, by labels where there are some and else by agreement; and what one record gained."""

import random

from tandem_reasoning.routing.remembering.gain import Usual
from tandem_reasoning.routing.remembering.harm import harmful
from tandem_reasoning.routing.remembering.lift import Gone, lift

HOLD_OUT = 0.2


def gone(shown: float, held_out: float, *, labelled: bool = True, count: int = 600) -> list[Gone]:
    """Questions that go well with such chances."""
    rng = random.Random(4)
    found = list[Gone]()
    for _ in range(count):
        with_it = rng.random() >= HOLD_OUT
        well = rng.random() < (shown if with_it else held_out)
        found.append(Gone(shown=with_it, right=well if labelled else None, agreement=1.0 if well else 0.5))
    return found


def test_the_difference_is_told_with_where_it_lies() -> None:
    """Accuracy with a record less accuracy without, and an interval that holds the truth."""
    score = lift(gone(0.8, 0.3), hold_out=HOLD_OUT)
    assert score.value is not None and score.interval is not None  # noqa: PT018 - both or neither
    assert score.interval.low < 0.5 < score.interval.high
    assert score.interval.low > 0
    assert not harmful(score)
    assert harmful(lift(gone(0.3, 0.8), hold_out=HOLD_OUT))
    assert not harmful(lift(gone(0.5, 0.5), hold_out=HOLD_OUT))


def test_agreement_stands_in_for_labels() -> None:
    """Where no question has one; a question without a label does not count where others have one."""
    score = lift(gone(0.9, 0.1, labelled=False), hold_out=HOLD_OUT)
    assert score.value is not None
    assert abs(score.value - 0.4) < 0.1
    mixed = [*gone(0.8, 0.3), *gone(0.0, 1.0, labelled=False)]
    assert lift(mixed, hold_out=HOLD_OUT).value == lift(gone(0.8, 0.3), hold_out=HOLD_OUT).value


def test_nothing_is_said_of_nothing() -> None:
    """No items, or none in one of the groups: no value, no interval, no harm."""
    for few in ([], [Gone(shown=True, right=True, agreement=None)] * 30):
        score = lift(few, hold_out=HOLD_OUT)
        assert score.interval is None
        assert not harmful(score)


def test_a_gain_is_told_against_what_is_usual() -> None:
    """A right answer where answers are usually wrong is a large gain, a wrong one there a small loss; kinds are told apart.

    What was not followed gained and lost nothing.
    """
    usual = Usual()
    assert (usual.gain("hard", right=True), usual.gain("hard", right=False)) == (0.5, -0.5)
    for _ in range(18):
        usual.add("hard", right=False)
        usual.add("easy", right=True)
    assert abs(usual.gain("hard", right=True) - 0.95) < 1e-9
    assert abs(usual.gain("hard", right=False) + 0.05) < 1e-9
    assert abs(usual.gain("easy", right=False) + 0.95) < 1e-9
    assert usual.gain("easy", right=False, followed=False) == 0
