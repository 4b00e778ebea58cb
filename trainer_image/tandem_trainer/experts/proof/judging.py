"""Whether device memory is flat: within a run, and from one number of experts to the next, but for what the router explains. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tandem_trainer.experts.proof.line import Slope, Spread, slope, spread

MOST_VARIATION: Final = 0.001  # of what is held between windows, within a run
_ROUTER_TENSORS: Final = (
    16  # keys of rows and of columns four times each, scores and their gradients, handicaps, marks: each may be rounded up
)
_HAIR: Final = 1e-6  # bytes an expert: what sums of floats may be off


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured with one number of experts, and what formulas say of it.

    Attributes:
        experts: How many.
        held_bytes: In use after each window, in order.
        peak_bytes: The most in use within each window.
        predicted_bytes: In use between windows, by the formula.
        router_bytes: Of that the router's.
        router_peak_bytes: The most that the router can need within a window.
        resident_bytes: In use between windows, were all experts on the device.
        allocations: How often the allocator asked the device for more after warm-up.
        reserved_bytes: What it had got in the end.
        process_bytes: What the system says of card or process in the end.
        rounding_bytes: What sizes are rounded up to.
    """

    experts: int
    held_bytes: tuple[int, ...]
    peak_bytes: tuple[int, ...]
    predicted_bytes: int
    router_bytes: int
    router_peak_bytes: int
    resident_bytes: int
    allocations: int
    reserved_bytes: int
    process_bytes: int
    rounding_bytes: int

    @property
    def held(self) -> Spread:
        """Mean and deviation of what is held."""
        return spread(self.held_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Bytes an expert: as measured, what the router explains of that, and what is left over."""

    measured: Slope
    router: float
    left: Slope


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Faults, a sentence each, the plainest first; none when memory is flat."""

    held: Growth
    peak: Growth
    faults: tuple[str, ...]


def judge(rows: Sequence[Row]) -> Verdict:
    """The verdict on rows of `FEWEST_POINTS` or more different numbers of experts."""
    held = _growth(rows, [row.held.mean for row in rows], [row.router_bytes for row in rows])
    peak = _growth(rows, [max(row.peak_bytes) for row in rows], [row.router_peak_bytes for row in rows])
    faults = (
        *(fault for row in rows for fault in _within(row)),
        *_across(rows, held, "device memory"),
        *_across(rows, peak, "its peak"),
        *_one_by_one(rows),
    )
    return Verdict(held=held, peak=peak, faults=faults)


def _growth(rows: Sequence[Row], measured: Sequence[float], router: Sequence[int]) -> Growth:
    at = [row.experts for row in rows]
    left = [whole - explained for whole, explained in zip(measured, router, strict=True)]
    return Growth(measured=slope(at, measured), router=slope(at, router).value, left=slope(at, left))


def _within(row: Row) -> Iterator[str]:
    if row.allocations:
        times = "once" if row.allocations == 1 else f"{row.allocations:,} times"
        yield f"with {row.experts:,} experts the allocator asked the device for more {times} after warm-up"
    if row.held.variation > MOST_VARIATION:
        yield f"with {row.experts:,} experts memory varies by {row.held.variation:.2%} between windows, and {MOST_VARIATION:.1%} is allowed"


def _one_by_one(rows: Sequence[Row]) -> Iterator[str]:
    """Each number of experts for itself, the first at fault: a fitted line bends to the largest one, and the others could grow below it."""
    fewest, *others = sorted(rows, key=lambda row: row.experts)
    least = fewest.held.mean - fewest.router_bytes
    for row in others:
        more = row.held.mean - row.router_bytes - least
        if more > row.rounding_bytes * _ROUTER_TENSORS + _HAIR * row.experts:
            yield f"with {row.experts:,} experts memory is {more:,.0f} bytes more than with {fewest.experts:,}, the router's left out"
            return


def _across(rows: Sequence[Row], growth: Growth, what: str) -> Iterator[str]:
    """The estimate is judged, not an end of its interval: nothing here is left to chance that a leak could hide behind."""
    counts = [row.experts for row in rows]
    rounding = max(row.rounding_bytes for row in rows) * _ROUTER_TENSORS / (max(counts) - min(counts))
    if growth.left.value > rounding + _HAIR:
        yield f"{what} grows by {growth.left.value:,.1f} bytes an expert beyond the {growth.router:,.1f} that the router explains"
