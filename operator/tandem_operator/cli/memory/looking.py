"""What is in a memory: `search`, `tail`, `stats`, `namespaces`."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import table, words
from tandem_operator.cli.show.format import Format
from tandem_operator.cli.show.output import dump

from . import told
from .asked import Place, Which
from .speaking import some, speaking

if TYPE_CHECKING:
    from tandem_memory.client import Hit, Stats, Watch


def search(place: Place, which: Which, text: str, k: int, output: Format) -> None:
    """Print the records nearest to a text."""
    with speaking(place) as memory:
        hits = memory.search(text, k, which.filter())
    if output is not Format.TABLE:
        dump([{"similarity": round(hit.similarity, 6), "record": told.record(hit.record)} for hit in hits], output)
    elif not hits:
        print("nothing is found")
    else:
        table.columns(("NEAR", "SOURCE", "SCORE", "GAIN", "QUESTION", "ANSWER"), map(_row, hits))


def _row(hit: "Hit") -> tuple[str, ...]:
    record = hit.record
    gain = f"{record.use.utility:+.2f}" if record.use and record.use.times else words.NOTHING
    answer = told.clean(record.answer) or words.NOTHING
    source = told.clean(record.source) or words.NOTHING
    return f"{hit.similarity:.3f}", source, words.number(record.score, 2), gain, told.clean(record.question), answer


def tail(place: Place, which: Which, cursor: str, count: int | None, output: Format, *, beginning: bool, skip_damaged: bool) -> None:
    """Print changes as they happen, until so many were printed or the person leaves."""
    with speaking(place) as memory:
        there = {each.name for each in memory.namespaces()}  # a watch waits for ever: an address where nobody is must be said now
        if place.namespace and place.namespace not in there:
            others = f"there is {some(there)}" if there else "there is none yet"
            print(f"{told.clean(place.namespace)}: no such namespace yet, {others}; waiting for its first record", file=sys.stderr)
        only_new = not (cursor or beginning)
        with memory.watch(cursor, which.filter(), only_new=only_new, skip_damaged=skip_damaged) as watch:
            _follow(watch, count, output)


def _follow(watch: "Watch", count: int | None, output: Format) -> None:
    try:
        for at, line in enumerate(_lines(watch, output), 1):
            print(line, flush=True)
            if at == count:
                return
    except KeyboardInterrupt:
        leave(Exit.DETACHED, *([f"go on from here with --cursor {watch.cursor}"] if watch.cursor else []))


def _lines(watch: "Watch", output: Format) -> Iterator[str]:
    for news in watch:
        for each in news.skipped:
            told.left_out(each)
        for change in news.changes:
            if output is Format.TABLE:
                yield told.fitting(told.line(change))
            else:
                yield json.dumps(told.change(change), ensure_ascii=False)  # a line each, which is YAML, too


def stats(place: Place, which: Which, output: Format) -> None:
    """Print a namespace in figures, and each source's."""
    with speaking(place) as memory:
        found = memory.stats(which.filter())
    if output is not Format.TABLE:
        dump(_stats(found), output)
        return
    print(
        f"{words.number(found.records)} records, {found.dimension} dimensions by {found.embedding}, {words.number(found.changes)} changes"
    )
    table.columns(("SOURCE", "RECORDS", "SCORE", "COST", "USED", "GAIN", "NEWEST", "METRICS (MEAN)"), _sources(found))


def _sources(found: "Stats") -> Iterator[tuple[str, ...]]:
    now = datetime.now(UTC)
    for name, each in found.by_source.items():
        yield (
            told.clean(name) or words.NOTHING,
            words.number(each.records),
            words.number(each.mean_score, 3),
            words.NOTHING if each.cost_usd is None else f"${each.cost_usd:,.2f}",
            words.number(each.uses),
            words.NOTHING if each.mean_gain is None else f"{each.mean_gain:+.3f}",
            f"{words.age(each.last_at, now)} ago" if each.last_at else words.NOTHING,
            told.metrics({metric: figure.mean for metric, figure in each.metrics.items()}) or words.NOTHING,
        )


def _stats(found: "Stats") -> dict[str, object]:
    sources: dict[str, object] = {
        name: {
            "records": each.records,
            "scored": each.scored,
            "meanScore": each.mean_score,
            "costUsd": None if each.cost_usd is None else str(each.cost_usd),
            "uses": each.uses,
            "usedBy": dict(each.used_by),
            "meanGain": each.mean_gain,
            "firstAt": each.first_at.isoformat() if each.first_at else None,
            "lastAt": each.last_at.isoformat() if each.last_at else None,
            "metrics": {
                metric: {"count": figure.count, "mean": figure.mean, "min": figure.min, "max": figure.max}
                for metric, figure in each.metrics.items()
            },
        }
        for name, each in found.by_source.items()
    }
    whole = {"records": found.records, "dimension": found.dimension, "embedding": found.embedding, "changes": found.changes}
    return {**whole, "bySource": sources}


def namespaces(place: Place, output: Format) -> None:
    """Print what there is."""
    with speaking(place, whole=True) as memory:
        found = memory.namespaces()
    if output is not Format.TABLE:
        told_ = [{"name": each.name, "records": each.records, "dimension": each.dimension, "embedding": each.embedding} for each in found]
        dump(told_, output)
    elif not found:
        print("no namespace yet: one begins with its first record", file=sys.stderr)
    else:
        rows = ((told.clean(each.name), words.number(each.records), str(each.dimension), each.embedding) for each in found)
        table.columns(("NAMESPACE", "RECORDS", "DIMENSION", "EMBEDDING"), rows)
