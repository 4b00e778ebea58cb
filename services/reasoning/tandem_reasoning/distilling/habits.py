"""What the local model says to questions that nobody asked, put beside what is taught: so that it goes on saying it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.distilling.rows import Row, rows
from tandem_reasoning.distilling.samples import habit
from tandem_reasoning.distilling.selecting import ROWS, sizes, written
from tandem_reasoning.ledger import Review
from tandem_reasoning.report.line import line
from tandem_reasoning.report.sides import of_job

TAUGHT, SIZES = "taught.jsonl", "taught.json"


def gather(ledger: Path, job: Job, folder: Path) -> Mapping[str, Any]:
    """Write taught.jsonl, which is rows.jsonl and what was said, and taught.json; what the latter says.

    Args:
        ledger: Books of the run in which the local model answered crosses.jsonl.
        job: What its coordinator was told.
        folder: Where `select` wrote its files.

    Raises:
        LedgerError: when the ledger cannot be read.
        OSError: when the folder cannot be read or written.
    """
    sides = of_job(job.name, [each.lane for each in job.lanes])
    with closing(Review(ledger)) as review:
        said = [each for each in (habit(line(asked), sides) for asked in review.questions()) if each is not None]
    written(folder / TAUGHT, chain(_rows(folder / ROWS), rows(said, job)))
    told = {"habits": len(said), **sizes(_rows(folder / TAUGHT))}
    written(folder / SIZES, [told])
    return told


def gathered(told: Mapping[str, Any]) -> str:
    """The same in a sentence."""
    return f"what it said to {told['habits']} questions that nobody asked is rehearsed, too: {told['rows']} prompts in all"


def _rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
