"""`tandem memory report`: the comparison of sources as a table, for programs, as a page and as a picture."""

import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import table, words
from tandem_operator.cli.show.format import Format
from tandem_operator.cli.show.output import dump

from . import told
from .asked import Place, Which
from .comparing import Comparison, Side, compared
from .shapes import Shape
from .speaking import speaking

if TYPE_CHECKING:
    from tandem_memory.client import Metric

_PAGE, _PICTURES = ".html", (".png", ".svg")


def report(place: Place, which: Which, save: Path | None, output: Shape) -> None:
    """Print the comparison, and write it to a file as well if one is named."""
    if save and save.suffix not in (_PAGE, *_PICTURES):
        leave(Exit.BAD_INPUT, f"--save: {save} ends in none of {', '.join((_PAGE, *_PICTURES))}; a page or a picture is written")
    with speaking(place) as memory:
        comparison = compared(memory.stats(which.filter()))
    match output:
        case Shape.TABLE:
            _print(comparison)
        case Shape.CSV:
            _csv(comparison)
        case _:
            dump(_told(comparison), Format(output))
    if save:
        _save(save, comparison)


def rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """The table's rows: a figure, then what it is for each source and for all."""
    sides = [*comparison.sides, comparison.all]
    yield ("records", *(words.number(side.records) for side in sides))
    yield ("first", *(_day(side.first_at) for side in sides))
    yield ("last", *(_day(side.last_at) for side in sides))
    yield ("mean score", *(words.number(side.score, 3) for side in sides))
    for metric in comparison.metrics:
        yield (f"mean {named(metric)}", *(_figure(side.metrics.get(metric)) for side in sides))
    yield ("cost", *(words.NOTHING if side.cost_usd is None else f"${side.cost_usd:,.2f}" for side in sides))
    yield ("cost of a record", *(words.NOTHING if side.cost_each is None else f"${side.cost_each:.4f}" for side in sides))
    for user in comparison.users:
        yield (f"used by {told.clean(user) or words.NOTHING}", *(words.number(side.used_by.get(user, 0)) for side in sides))
    yield ("mean gain of a use", *(words.NOTHING if side.gain is None else f"{side.gain:+.3f}" for side in sides))


def head(comparison: Comparison) -> tuple[str, ...]:
    """The table's head."""
    return ("", *(told.clean(side.name) or words.NOTHING for side in comparison.sides), "all")


def notes(comparison: Comparison) -> Iterator[str]:
    """What must be said with the table."""
    if comparison.cross_use is not None:
        yield f"{comparison.cross_use:.0%} of uses were of another source's records"
    if any(metric.claimed for metric in _known(comparison).values()):
        yield "* as the writer claimed it: Tandem measures nothing of that name, and no consciousness"


def named(metric: str) -> str:
    """A metric's name, marked when it is only a claim."""
    from tandem_memory.client import METRICS

    known = METRICS.get(metric)
    return f"{told.clean(metric)}{'*' if known and known.claimed else ''}"


def _known(comparison: Comparison) -> "dict[str, Metric]":
    from tandem_memory.client import METRICS

    return {name: METRICS[name] for name in comparison.metrics if name in METRICS}


def _print(comparison: Comparison) -> None:
    table.columns(head(comparison), rows(comparison))
    for note in notes(comparison):
        print(note)


def _csv(comparison: Comparison) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    metrics, users = comparison.metrics, comparison.users
    fixed = ("source", "records", "first_at", "last_at", "mean_score", "cost_usd", "uses", "mean_gain")
    writer.writerow([*fixed, *(f"mean_{metric}" for metric in metrics), *(f"used_by_{user}" for user in users)])
    for side in comparison.sides:
        moments = [at.isoformat() if at else "" for at in (side.first_at, side.last_at)]
        figures = [side.name, side.records, *moments, side.score, side.cost_usd, side.uses, side.gain]
        writer.writerow([*figures, *(side.metrics.get(metric) for metric in metrics), *(side.used_by.get(user, 0) for user in users)])


def _told(comparison: Comparison) -> dict[str, object]:
    uses = [{"of": side.name, "by": user, "times": times} for side in comparison.sides for user, times in side.used_by.items()]
    sources = {side.name: _told_side(side) for side in comparison.sides}
    return {"sources": sources, "all": _told_side(comparison.all), "uses": uses, "crossUseShare": comparison.cross_use}


def _told_side(side: Side) -> dict[str, object]:
    return {
        "records": side.records,
        "firstAt": side.first_at.isoformat() if side.first_at else None,
        "lastAt": side.last_at.isoformat() if side.last_at else None,
        "meanScore": side.score,
        "meanMetrics": dict(sorted(side.metrics.items())),
        "costUsd": None if side.cost_usd is None else str(side.cost_usd),
        "uses": side.uses,
        "meanGain": side.gain,
    }


def _save(path: Path, comparison: Comparison) -> None:
    from . import picture

    drawn = picture.drawn(comparison, "svg" if path.suffix == _PAGE else path.suffix[1:])
    if path.suffix == _PAGE:
        from .page import page

        path.write_text(page(head(comparison), rows(comparison), notes(comparison), (drawn or b"").decode()), encoding="utf-8")
    elif drawn is None:
        leave(Exit.BAD_INPUT, f"--save: {path} needs matplotlib, which is not installed; install tandem-operator[pictures], or save a page")
    else:
        path.write_bytes(drawn)
    print(path, file=sys.stderr)


def _figure(value: float | None) -> str:
    return words.NOTHING if value is None else f"{value:,.4g}"


def _day(at: "datetime | None") -> str:
    return words.NOTHING if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"
