"""Reads a ledger once and leaves its report in a folder: report.json, answers.csv and report.html, each whole or as it was before."""

import os
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TextIO

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Review
from tandem_reasoning.report import sides
from tandem_reasoning.report.adding import figures
from tandem_reasoning.report.answers import Answers
from tandem_reasoning.report.document import document
from tandem_reasoning.report.figures import Figures
from tandem_reasoning.report.line import line
from tandem_reasoning.report.page import page
from tandem_reasoning.report.pictures import drawn
from tandem_reasoning.report.sides import Sides
from tandem_reasoning.report.tally import Tally

DOCUMENT, ANSWERS, PAGE = FILES = ("report.json", "answers.csv", "report.html")


def write(ledger: Path, into: Path, *, job: Job | None, now: datetime) -> Figures:
    """Write the report of a ledger, whose coordinator may be writing it meanwhile.

    Args:
        ledger: The file, or a snapshot of one.
        into: Folder of the report.
        job: What the run's coordinator was told; None when only the ledger is there.
        now: The clock, for people.

    Raises:
        LedgerError: when the ledger cannot be read.
        OSError: when the folder cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    with closing(Review(ledger)) as review:
        tally = Tally(sides=_sides(review, job))
        with _whole(into / ANSWERS) as sink:
            answers = Answers(sink)
            for each in map(line, review.questions()):
                answers.add(each)
                tally.add(each)
        told = figures(review, tally, now)
    with _whole(into / DOCUMENT) as sink:
        sink.write(document(told))
    with _whole(into / PAGE) as sink:
        sink.write(page(told, drawn(told)))
    return told


def _sides(review: Review, job: Job | None) -> Sides:
    return sides.of_choices(review.choices()) if job is None else sides.of_job(job.name, (each.lane for each in job.lanes))


@contextmanager
def _whole(path: Path) -> Generator[TextIO]:
    """A file to write that takes its place when all of it is there."""
    begun = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with begun.open("w", encoding="utf-8", errors="replace", newline="") as sink:
            yield sink
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)
