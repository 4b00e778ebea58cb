"""The measures, each against a slow and plain way to the same number, and by what must hold of it."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx  # noqa: PT013 - reads like mathematics
from tandem_reasoning.scores.answered import Answered, Recall, table
from tandem_reasoning.scores.measures import agreement, coherence, confidence, entropy, experts, lift, quality, stability
from tandem_reasoning.scores.measures.quality import Gap
from tandem_reasoning.scores.resampling import once
from tandem_reasoning.scores.wilson import wilson

ROW = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=6)
GRID = st.integers(1, 5).flatmap(lambda k: st.lists(st.lists(st.sampled_from("abc"), min_size=k, max_size=k), min_size=1, max_size=8))


def grid(rows: list[list[str | None]]) -> np.ndarray:
    return table([Answered(taken="", answers=row) for row in rows]).answers_NK


@given(st.lists(ROW, min_size=1, max_size=8))
def test_agreement_is_the_leader_s_share(rows: list[list[str | None]]) -> None:
    """Of those who answered; unknown below two."""
    for row, share in zip(rows, agreement.shares(grid(rows)), strict=True):
        said = [answer for answer in row if answer is not None]
        assert np.isnan(share) if len(said) < 2 else share == max(Counter(said).values()) / len(said)


@given(GRID, st.permutations(range(5)))
def test_neither_the_order_of_experts_nor_the_words_matter(rows: list[list[str]], order: list[int]) -> None:
    """Agreement and entropy look at who is alike, and nothing else."""
    moved = [[row[place].upper() for place in order if place < len(row)] for row in rows]
    for measure in (agreement.shares, entropy.entropies):
        assert measure(grid(rows)) == approx(measure(grid(moved)), nan_ok=True)


@given(GRID)
def test_entropy_lies_between_all_alike_and_all_different(rows: list[list[str]]) -> None:
    """0 exactly when all agree, 1 exactly when no two do."""
    for row, value in zip(rows, entropy.entropies(grid(rows)), strict=True):
        if len(row) < 2:
            assert np.isnan(value)
            continue
        assert -1e-12 <= value <= 1 + 1e-12
        assert (value == approx(0)) == (len(set(row)) == 1)
        assert (value == approx(1)) == (len(set(row)) == len(row))


def test_entropy_is_chao_and_shen_s() -> None:
    """Three of five alike: coverage 3/5, worked out by hand."""
    shares = [0.6 * 0.6, 0.6 * 0.2, 0.6 * 0.2]
    by_hand = -sum(p * math.log(p) / (1 - (1 - p) ** 5) for p in shares)
    apart = -5 * 0.04 * math.log(0.04) / (1 - 0.96**5)
    assert entropy.entropies(grid([list("aaabc")]))[0] == approx(by_hand / apart)


def test_dealt_anew_answers_agree_by_chance_only() -> None:
    """Experts who always agree on one of a hundred answers do so by chance one time in a hundred."""
    rows = [[str(item % 100)] * 2 for item in range(2000)]
    assert agreement.chance(grid(rows), np.random.default_rng(0)) == approx(0.5 + 0.5 / 100, abs=0.01)


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("ab"), min_size=3, max_size=3), st.lists(st.sampled_from("ab"), min_size=3, max_size=3)),
        min_size=1,
    )
)
def test_stability_splits_by_where_experts_went(rows: list[tuple[list[str], list[str]]]) -> None:
    """With two answers, one right: those who stayed and those who moved, right to wrong and back, are all."""
    columns = table([Answered(taken="a", answers=after, earlier=before, label="a") for before, after in rows])
    stayed = stability.stable(columns.answers_NK, columns.earlier_NK)
    wrong, right = stability.to_wrong(columns), stability.to_right(columns)
    assert stayed + wrong + right == approx(np.ones(len(rows)))
    for (before, after), lost in zip(rows, wrong, strict=True):
        assert lost == approx(sum(b == "a" and c == "b" for b, c in zip(before, after, strict=True)) / 3)


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_coherence_is_the_mean_over_all_pairs(items: int, seed: int) -> None:
    """As looking at each pair of rationales would give it."""
    generator = np.random.default_rng(seed)
    vectors = [generator.normal(size=(generator.integers(2, 5), 3)) for _ in range(items)]
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in vectors]
    for place, value in enumerate(coherence.coherences(coherence.rationales(vectors))):
        within = np.mean([a @ b for a, b in itertools.combinations(unit[place], 2)])
        across = np.mean([a @ b for a in unit[place] for other in range(items) if other != place for b in unit[other]])
        assert value == approx(within - across)


def test_coherence_of_one_rationale_or_one_question_is_not_known() -> None:
    """Nothing to compare with; a rationale without a word is none."""
    vectors = [np.eye(3)[:2], np.array([[1.0, 0, 0], [0, 0, 0]])]
    assert np.isnan(coherence.coherences(coherence.rationales(vectors))).tolist() == [False, True]
    assert np.isnan(coherence.coherences(coherence.rationales(vectors[:1]))).all()


def test_effective_experts_of_known_correlation() -> None:
    """Copies are one expert; independent ones count in full; half copies lie where the formula says."""
    generator = np.random.default_rng(0)
    own = (generator.random((200_000, 4)) < 0.6).astype(np.float64)
    copied = np.repeat((generator.random((200_000, 1)) < 0.6).astype(np.float64), 4, axis=1)
    assert experts.effective(copied)(once(len(own))) == approx(1)
    assert experts.effective(own)(once(len(own))) == approx(4, abs=0.1)
    half = np.where(generator.random(own.shape) < math.sqrt(0.5), copied, own)  # each pair copies both with chance 1/2: rho 1/2
    assert experts.effective(half)(once(len(own))) == approx(4 / (1 + 3 * 0.5), abs=0.03)


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=4, max_size=4), min_size=1, max_size=12))
def test_effective_experts_stay_in_bounds(rows: list[list[float]]) -> None:
    """Between one and as many as there are, or not known; as numpy's correlation gives it where nothing is missing."""
    right = np.array(rows)
    value = experts.effective(right)(once(len(rows)))
    assert np.isnan(value) or 1 - 1e-9 <= value <= 4 + 1e-9
    columns = right.T[np.nanstd(right, axis=0) > 0] if np.isfinite(right).all() else np.empty((0, 0))
    if len(columns) > 1:
        pairs = [np.corrcoef(a, b)[0, 1] for a, b in itertools.combinations(columns, 2)]
        assert value == approx(4 / (1 + 3 * max(0.0, float(np.mean(pairs)))))


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=3), min_size=1, max_size=12))
def test_complementarity_is_what_the_best_expert_lacks(rows: list[list[float]]) -> None:
    """Any right less best single; items with an expert missing do not count."""
    best = max(sum(column) for column in zip(*rows, strict=True))
    expected = (sum(max(row) for row in rows) - best) / len(rows)
    assert experts.complementarity(np.array(rows))(once(len(rows))) == approx(expected)
    assert experts.complementarity(np.array([*rows, [1, np.nan, 0]]))(once(len(rows) + 1)) == approx(expected)


def test_gain_is_vote_less_greedy() -> None:
    """Item by item, and only where both are known."""
    items = [Answered(taken="", vote=vote, greedy=greedy, label="a") for vote, greedy in [("a", "b"), ("b", "a"), ("a", "a"), ("a", None)]]
    assert experts.gains(table(items)).tolist()[:3] == [1, -1, 0]
    assert np.isnan(experts.gains(table(items))[3])


def test_lift_is_not_biased_by_unequal_hold_outs() -> None:
    """Hard questions are held out ten times as often as easy ones; weighted by chance, memory still shows its 20 points."""
    generator = np.random.default_rng(1)
    items: list[Answered] = []
    for _ in range(60_000):
        easy = generator.random() < 0.5
        hold_out = 0.05 if easy else 0.5
        shown = generator.random() >= hold_out
        right = generator.random() < (0.7 if easy else 0.1) + 0.2 * shown
        items.append(Answered(taken="a", label="a" if right else "b", recall=Recall(shown=bool(shown), hold_out=hold_out)))
    with_it, without = lift.arms(table(items))(once(len(items)))
    assert with_it - without == approx(0.2, abs=0.02)
    plain = {shown: np.mean([item.label == "a" for item in items if item.recall and item.recall.shown is shown]) for shown in (True, False)}
    assert plain[True] - plain[False] > 0.3


def test_lift_without_a_hold_out_is_not_known() -> None:
    """Nothing to compare with is not a lift of nothing."""
    items = [Answered(taken="a", label="a", recall=Recall(shown=True))] * 5
    shown, held = lift.arms(table(items))(once(5))
    assert shown == 1
    assert np.isnan(held)
    assert lift.held_out(table(items)) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_calibration_is_the_gap_in_each_bin(pairs: list[tuple[float, bool]]) -> None:
    """Weighted by how many are in it; between 0 and 1."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for sure, right in pairs:
        bins.setdefault(min(int(sure * 10), 9), []).append((sure, right))
    expected = sum(abs(sum(sure - right for sure, right in each)) for each in bins.values()) / len(pairs)
    error = confidence.Calibration(np.array([sure for sure, _ in pairs]), np.array([float(right) for _, right in pairs]))
    assert error.error(np.ones(len(pairs))) == approx(expected)
    assert 0 <= expected <= 1


def test_stated_confidence_comes_before_agreement() -> None:
    """Agreement stands in where experts stated nothing."""
    items = [Answered(taken="a", answers=("a", "b"), confidence=0.9), Answered(taken="a", answers=("a", "b")), Answered(taken="a")]
    assert confidence.confidences(table(items)) == approx([0.9, 0.5, np.nan], nan_ok=True)


def test_chance_accuracy_is_that_of_shuffled_answers() -> None:
    """Worked out for all shuffles at once; a simulation agrees."""
    generator = np.random.default_rng(0)
    taken, labels = generator.choice(list("aab"), 3000), generator.choice(list("abbb"), 3000)
    columns = table([Answered(taken=one, label=other) for one, other in zip(taken, labels, strict=True)])
    dealt = np.mean([generator.permutation(taken) == labels for _ in range(20)])
    assert quality.chance(columns) == approx(dealt, abs=0.01)
    assert np.isnan(quality.chance(table([Answered(taken="a")])))


@pytest.mark.parametrize(("accuracy", "share"), [(0.5, 0.0), (0.9, 1.0), (0.8, 0.75), (0.4, -0.25)])
def test_recovered_part_of_the_gap(accuracy: float, share: float) -> None:
    """0 at the local lane, 1 at the cloud lane; not known when there is no gap to close."""
    assert quality.recovered(accuracy, 0.5, 0.9) == approx(share)
    assert np.isnan(quality.recovered(accuracy, 0.9, 0.9))
    assert np.isnan(quality.recovered(accuracy, 0.9, 0.5))


def test_a_gap_is_as_sure_as_its_lanes() -> None:
    """Drawn anew, a run half way between lanes that are known for certain is always half way, and else about that."""
    sure = Gap(run=0.6, local=0.4, cloud=0.8, items=50)
    assert sure.recovered == approx(0.5)
    assert sure.drawn(np.random.default_rng(0), 5) == approx([0.5] * 5)
    vague = Gap(run=0.6, local=0.4, cloud=0.8, local_error=0.05, cloud_error=0.05, items=50).drawn(np.random.default_rng(0), 400)
    assert np.mean(vague) == approx(0.5, abs=0.03)
    assert 0.05 < np.std(vague) < 0.2
    assert np.isnan(Gap(run=0.6, local=0.4, cloud=0.4, items=50).recovered)


@given(st.integers(1, 3000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_an_interval_holds_its_share(share: tuple[int, int]) -> None:
    """To the last digit, and none of all begins at nothing, all of all ends at one."""
    right, of = share
    low, high = wilson(right / of, of)
    assert 0 <= low <= right / of <= high <= 1
    assert right or low == 0
    assert right < of or high == 1
