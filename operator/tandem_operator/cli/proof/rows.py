"""What the measurement has said, as values, and as the cells of a table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tandem_operator.cli.show import words

HEAD = ("EXPERTS", "MEAN", "STD", "CV", "PEAK", "PREDICTED", "ROUTER", "ALLOCATIONS", "PROCESS", "ALL RESIDENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number of experts; sizes in bytes, series by window, variation as a fraction."""

    experts: int
    held: tuple[int, ...]
    peaks: tuple[int, ...]
    mean: float
    deviation: float
    variation: float
    predicted: int
    router: int
    resident: int
    allocations: int
    process: int


def row(told: Mapping[str, Any]) -> Row:
    """From what was said."""
    return Row(
        experts=int(told["experts"]),
        held=tuple(told["heldBytes"]),
        peaks=tuple(told["peakBytes"]),
        mean=float(told["meanBytes"]),
        deviation=float(told["stdBytes"]),
        variation=float(told["variation"]),
        predicted=int(told["predictedBytes"]),
        router=int(told["routerBytes"]),
        resident=int(told["residentBytes"]),
        allocations=int(told["allocations"]),
        process=int(told["processBytes"]),
    )


def cells(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """The table's rows."""
    for each in rows:
        yield (
            words.number(each.experts),
            size(each.mean),
            words.number(each.deviation),
            f"{each.variation:.3%}",
            size(max(each.peaks)),
            size(each.predicted),
            size(each.router),
            words.number(each.allocations),
            size(each.process),
            size(each.resident),
        )


def size(count: float) -> str:
    """Megabytes, to the kilobyte: what is to be seen is that they do not differ."""
    return f"{count / 1e6:,.3f} MB"


def slopes(verdict: Mapping[str, Any]) -> Iterator[str]:
    """How memory grows, a line between windows and one for the peaks."""
    for name, said in (("between windows", verdict["held"]), ("at its peak", verdict["peak"])):
        measured, left = (
            f"{each['slope']:,.1f} bytes an expert (95 %: {each['low']:,.1f} to {each['high']:,.1f})"
            for each in (said["measured"], said["left"])
        )
        most = "" if said is verdict["held"] else "up to "
        yield f"slope {name}: {measured}; the router explains {most}{said['router']:,.1f}, which leaves {left}"
