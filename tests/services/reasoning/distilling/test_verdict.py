"""When a taught model takes over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_reasoning.distilling.verdict import LEAST, Judged, Rule, Verdict, decide

COUNTS = st.tuples(st.integers(0, 90), st.integers(0, 30), st.integers(0, 4), st.integers(0, 30))
CLASSES = st.dictionaries(st.sampled_from(["a", "b", "c", ""]), COUNTS, min_size=1)
RULES = st.builds(Rule, min_gain=st.sampled_from([0.0, 0.02, 0.1]), max_loss=st.sampled_from([0.01, 0.02, 0.05, 0.5]))


def slices(**classes: tuple[int, int, int, int]) -> list[Judged]:
    """Questions of each class: right with both models, won, lost, wrong with both."""
    ways = ((True, True), (False, True), (True, False), (False, False))
    return [
        Judged(kind=kind, before=before, after=after)
        for kind, counts in classes.items()
        for (before, after), count in zip(ways, counts, strict=True)
        for _ in range(count)
    ]


@given(CLASSES, RULES)
def test_never_promotes_what_loses_more_than_allowed(classes: dict[str, tuple[int, int, int, int]], rule: Rule) -> None:
    """Counted anew: no class that is large enough to show it loses more, nor do all smaller ones together, and the gain is there."""
    verdict = decide(slices(**classes), rule)
    if not verdict.promoted:
        assert verdict.reasons
        return
    enough = round(1 / rule.max_loss)
    sizes = {kind: sum(counts) for kind, counts in classes.items()}
    small = [sum(classes[kind][place] for kind, size in sizes.items() if size < enough) for place in range(4)]
    for both, won, lost, neither in [*(classes[kind] for kind, size in sizes.items() if size >= enough), small]:
        of = both + won + lost + neither
        assert of < enough or lost - won <= rule.max_loss * of + 1e-9
    total = sum(sizes.values())
    assert total >= LEAST
    assert sum(won - lost for _, won, lost, _ in classes.values()) >= rule.min_gain * total - 1e-9


@given(CLASSES, RULES, st.randoms())
def test_the_order_of_questions_does_not_matter(classes: dict[str, tuple[int, int, int, int]], rule: Rule, random: object) -> None:
    """The same questions give the same verdict and the same figures."""
    judged = slices(**classes)
    shuffled = list(judged)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(shuffled, rule) == decide(judged, rule)


def verdict(**classes: tuple[int, int, int, int]) -> Verdict:
    return decide(slices(**classes))


def test_a_class_that_is_learned_promotes() -> None:
    """One class goes from nothing to nine in ten, and the others are as they were."""
    found = verdict(shift=(0, 45, 0, 5), fact=(50, 0, 0, 0))
    assert (found.promoted, found.whole.before, found.whole.after) == (True, 50, 95)


@pytest.mark.parametrize(("lost", "promoted"), [(1, True), (2, False)])
def test_two_points_of_a_class_are_one_question_in_fifty(lost: int, *, promoted: bool) -> None:
    """One of fifty may be lost, two may not, however much another class wins."""
    found = verdict(shift=(0, 45, 0, 5), fact=(50 - lost, 0, lost, 0))
    assert found.promoted == promoted
    assert promoted or found.reasons == ("fact loses 4.0 points, and 2.0 points are allowed",)


def test_a_small_class_is_judged_by_more_than_chance() -> None:
    """One question of ten is ten points and may be luck; five for none are not."""
    assert verdict(shift=(0, 45, 0, 5), fact=(9, 0, 1, 0)).promoted
    assert verdict(shift=(0, 45, 0, 5), fact=(5, 0, 5, 0)).reasons == ("fact wins 0 and loses 5 of 10 questions, which is no luck",)


def test_small_classes_are_judged_together_by_points() -> None:
    """Five classes of ten that lose one each lose ten points, though none of them shows it alone."""
    found = verdict(shift=(0, 45, 0, 5), **{f"k{number}": (9, 0, 1, 0) for number in range(5)})
    assert found.reasons == ("all small classes loses 10.0 points, and 2.0 points are allowed",)


def test_little_is_no_gain() -> None:
    """Less than two points, and two points that may be luck, change nothing."""
    assert verdict(fact=(99, 1, 0, 0)).reasons == ("it gains 1.0 points, and 2.0 points are asked",)
    assert verdict(fact=(70, 16, 14, 0)).reasons == ("it wins 16 questions and loses 14, which may be luck",)


def test_nothing_is_decided_by_a_handful() -> None:
    """Below thirty questions the model stays, also where there is none at all."""
    assert verdict(fact=(0, LEAST - 1, 0, 0)).reasons == ("only 29 questions were kept back to judge it by, and 30 are the least",)
    assert not decide([]).promoted


@pytest.mark.parametrize(("lost", "low", "high"), [(0, -0.15, 0.15), (3, -0.505, 0.043)])
def test_few_questions_prove_little(lost: int, low: float, high: float) -> None:
    """Of eleven questions, none lost leaves a loss of fifteen points possible (worked out by hand)."""
    (found,) = verdict(fact=(11 - lost, 0, lost, 0)).classes
    assert found.interval == pytest.approx((low, high), abs=0.01)


@given(COUNTS)
def test_the_gain_lies_within_its_interval_and_more_questions_narrow_it(counts: tuple[int, int, int, int]) -> None:
    """Four times as many questions that went alike leave less between its ends; without any there is none."""
    (whole, more) = (decide(slices(k=tuple(times * count for count in counts))).whole for times in (1, 4))  # type: ignore[arg-type]
    if not sum(counts):
        assert whole.interval is None
        return
    assert whole.interval is not None
    assert more.interval is not None
    assert -1 <= whole.interval.low <= whole.gain <= whole.interval.high <= 1
    assert more.interval.high - more.interval.low <= whole.interval.high - whole.interval.low
