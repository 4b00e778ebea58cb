"""The figures of the proof: known slopes and intervals, and what counts as flat."""

import dataclasses
from collections.abc import Callable

import pytest
from tandem_trainer.experts.proof.judging import Row, judge
from tandem_trainer.experts.proof.line import slope, spread
from tandem_trainer.experts.proof.wanted import Wanted, counts, insist
from tandem_trainer.host_memory import Limit
from tandem_trainer.refusal import Refusal

_WANTED = Wanted(active=2, width=128, inner=256, windows=300, warm_up=20)


def _of(host_bytes: int) -> Limit:
    return Limit(bytes=host_bytes, said_by="its control group allows")


def test_spread_of_a_known_series() -> None:
    """Mean 5, deviation 2, variation 0.4: the example of every textbook."""
    found = spread([2, 4, 4, 4, 5, 5, 7, 9])
    assert (found.mean, found.deviation, found.variation) == (5.0, 2.0, 0.4)


def test_slope_and_interval_are_those_of_a_known_regression() -> None:
    """Anscombe's first set (1973): slope 0.5001, standard error 0.1179, and t of 9 degrees of freedom 2.262."""
    at = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    found = slope(at, [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68])
    assert found.value == pytest.approx(0.50009, abs=1e-5)
    assert (found.low, found.high) == pytest.approx((0.50009 - 2.262 * 0.11791, 0.50009 + 2.262 * 0.11791), abs=1e-4)


def test_a_line_without_errors_has_an_interval_of_no_width() -> None:
    """Three points on a line."""
    found = slope([8, 16, 32], [108, 116, 132])
    assert (found.value, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))


def test_growth_that_the_router_explains_is_flat() -> None:
    """100 bytes an expert, all of them the router's: no fault, and nothing is left."""
    verdict = judge(_rows(lambda count: 100 * count))
    assert verdict.faults == ()
    assert (verdict.held.measured.value, verdict.held.router) == pytest.approx((100.0, 100.0))
    assert verdict.held.left.value == pytest.approx(0.0)


def test_a_byte_an_expert_that_nobody_explains_is_a_fault() -> None:
    """The smallest leak there is, and however it curves; on a card it is lost in the rounding of blocks, a kilobyte is not."""
    leaks = judge(_rows(lambda count: 101 * count))
    assert leaks.faults[0] == "device memory grows by 1.0 bytes an expert beyond the 100.0 that the router explains"
    assert len(leaks.faults) == 3  # the peak has it, too, and 16 experts more than 8
    assert judge(_rows(lambda count: 100 * count + count * count)).faults
    assert not judge(_rows(lambda count: 101 * count, rounding_bytes=512)).faults
    assert judge(_rows(lambda count: 1124 * count, rounding_bytes=512)).faults


def test_memory_that_shrinks_is_no_fault() -> None:
    """Product keys need less than a score for each: what is less than explained does not grow."""
    assert judge(_rows(lambda count: 90 * count)).faults == ()


def test_variation_and_allocations_within_a_run_are_faults() -> None:
    """Both are named with the number of experts they were seen with, the allocations first."""
    sound, *others = _rows(lambda count: 100 * count)
    sick = dataclasses.replace(sound, allocations=3, held_bytes=(1_000_000, 1_004_000) * 5)
    assert judge([sick, *others]).faults[:2] == (
        "with 8 experts the allocator asked the device for more 3 times after warm-up",
        "with 8 experts memory varies by 0.20% between windows, and 0.1% is allowed",
    )


def test_counts_are_sorted_and_each_is_measured_once() -> None:
    """However they were named."""
    assert counts("32,8,16,8") == (8, 16, 32)


@pytest.mark.parametrize(("words", "said"), [("8,x", "no list of numbers"), ("8,16", "3 different numbers"), ("8,8,8", "3 different")])
def test_counts_that_cannot_be_measured(words: str, said: str) -> None:
    """One line that names the option and the fix."""
    with pytest.raises(Refusal, match=f"--experts: .*{said}"):
        counts(words)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"active": 9}, "--active: 9 of 8 experts"),
        ({"width": 33}, "--width: 33"),
        ({"inner": 0}, "--inner: 0"),
        ({"windows": 1}, "--windows: 1"),
    ],
)
def test_sizes_that_cannot_be_measured(changed: dict[str, int], said: str) -> None:
    """One line that names the option, before anything starts."""
    with pytest.raises(Refusal, match=said):
        insist(dataclasses.replace(_WANTED, **changed), (8, 16, 32), host=_of(1 << 40))


def test_a_host_that_is_too_small_is_told_before_anything_starts() -> None:
    """With what is needed, which is nothing but the experts, and what there is."""
    insist(_WANTED, (8, 16, 1024), host=_of(268_435_456))
    with pytest.raises(Refusal, match=r"--experts: 1,024 of them need 268,435,456 bytes .* its control group allows 268,435,455"):
        insist(_WANTED, (8, 16, 1024), host=_of(268_435_455))


def test_no_experts_are_not_measured() -> None:
    """The option is named, not what would follow from it."""
    with pytest.raises(Refusal, match="--experts: 0 is no number of experts"):
        insist(_WANTED, counts("0,8,16"), host=_of(1 << 40))


def test_a_leak_that_the_largest_number_hides_is_found() -> None:
    """A line through all would fall: what grows up to 128 experts is gone at 1,024, where the router is another."""
    rows = [_row(count, 1_000_000 + 100 * count + (5_000 * count if count <= 128 else 0), 0) for count in (8, 16, 32, 64, 128, 1024)]
    verdict = judge(rows)
    assert verdict.held.left.value < 0
    assert verdict.faults[0] == "with 16 experts memory is 40,000 bytes more than with 8, the router's left out"


def _rows(held: Callable[[int], int], *, rounding_bytes: int = 0) -> list[Row]:
    return [_row(count, 1_000_000 + held(count), rounding_bytes) for count in (8, 16, 32, 64)]


def _row(count: int, held_bytes: int, rounding_bytes: int) -> Row:
    return Row(
        experts=count,
        held_bytes=(held_bytes,) * 10,
        peak_bytes=(2 * held_bytes - 1_000_000,) * 10,
        predicted_bytes=held_bytes,
        router_bytes=100 * count,
        router_peak_bytes=200 * count,
        resident_bytes=held_bytes + 1000 * count,
        allocations=0,
        reserved_bytes=2 * held_bytes,
        process_bytes=3 * held_bytes,
        rounding_bytes=rounding_bytes,
    )
