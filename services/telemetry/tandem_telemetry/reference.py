"""Writes the catalogue down for people: METRICS.md is this and nothing else (`poe metrics`)."""

import sys
from pathlib import Path

from tandem_telemetry.catalog import CATALOG, Metric

_HEAD = """# Metrics

Generated from `tandem_telemetry/catalog.py` by `poe metrics`; change it there. One series for each run unless there are no
labels. A gauge that was never reported has no series, and the series of a run end when it was silent for
`TANDEM_TELEMETRY_EXPIRE_SECONDS`.

| metric | kind | unit | labels | meaning |
|---|---|---|---|---|
"""


def markdown() -> str:
    """METRICS.md."""
    return _HEAD + "".join(map(_row, CATALOG))


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown())
