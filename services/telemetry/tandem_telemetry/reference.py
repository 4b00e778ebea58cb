"""Writes the catalogue down for people: METRICS.md is this and nothing else (`poe metrics`)."""

import sys
from pathlib import Path

from tandem_telemetry.catalog import OPERATOR_METRICS, RUN_METRICS, SERVICE_METRICS, Metric

_HEAD = """# Metrics

Generated from `tandem_telemetry/catalog.py` by `poe metrics`; change it there.
"""
_PARTS = (
    (
        "Runs, as their workers report them",
        """Served by telemetry. One series for each run. A gauge that was never reported has no series, and the series of a run end
when it was silent for `TANDEM_TELEMETRY_EXPIRE_SECONDS`.""",
        RUN_METRICS,
    ),
    ("Telemetry itself", "Served by telemetry.", SERVICE_METRICS),
    (
        "The operator, and what it decides of runs",
        """Served by the operator, in a cluster. The series of a run end with its object. `namespace` is the run's own: a scrape has to
keep it (`honorLabels: true` in a ServiceMonitor), as it has to keep that of telemetry's.""",
        OPERATOR_METRICS,
    ),
)
_TABLE = """| metric | kind | unit | labels | meaning |
|---|---|---|---|---|
"""


def markdown() -> str:
    """METRICS.md."""
    return _HEAD + "".join(f"\n## {title}\n\n{text}\n\n{_TABLE}{''.join(map(_row, rows))}" for title, text, rows in _PARTS)


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {metric.unit} | {labels} | {metric.help} |\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown())
