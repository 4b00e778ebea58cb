"""Writes both tables of metrics down for people: METRICS.md is this and nothing else (`poe metrics`)."""

import sys
from pathlib import Path

from tandem_memory import measured
from tandem_memory.figures import COUNTERS, GAUGES, HISTOGRAMS, Row

_HEAD = """
# Metrics of the service

Served at `/metrics` (`TANDEM_MEMORY_METRICS_LISTEN`). No label grows with what is kept.

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def document() -> str:
    """METRICS.md."""
    kinds = {"counter": COUNTERS, "gauge": GAUGES, "histogram": HISTOGRAMS}
    return measured.document() + _HEAD + "".join(_line(kind, row) for kind, rows in kinds.items() for row in rows)


def _line(kind: str, row: Row) -> str:
    return f"| `{row.name}` | {kind} | {', '.join(f'`{label}`' for label in row.labels)} | {row.meaning} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document())
