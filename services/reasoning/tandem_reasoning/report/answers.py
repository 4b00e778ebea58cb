"""The table of answers: one line for each question, written as they are read."""

import csv
import re
from typing import Protocol

from tandem_reasoning.report.line import Line
from tandem_reasoning.report.words import exact_usd

_COLUMNS = (
    "id",
    "kind",
    "state",
    "lane",
    "answer",
    "right",
    "agreement",
    "calls",
    "tokens",
    "cost_usd",
    "seconds",
    "recalled",
    "escalated",
    "attempts",
    "answered_at",
    "reason",
)
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?[\d.,]+")


class _Sink(Protocol):
    def write(self, text: str, /) -> object: ...


class Answers:
    """Writes the table."""

    def __init__(self, sink: _Sink) -> None:
        self._writer = csv.writer(sink, lineterminator="\n")
        self._writer.writerow(_COLUMNS)

    def add(self, line: Line) -> None:
        """One question. What is not known is empty."""
        of, outcome, parts = line.of, line.of.outcome, line.parts.values()
        self._writer.writerow(
            [
                _plain(of.question.id),
                _plain(of.question.kind),
                of.state,
                "" if outcome is None else outcome.lane,
                "" if outcome is None else _plain(outcome.answer),
                _yes(line.right),
                "" if outcome is None or outcome.agreement is None else f"{outcome.agreement:.4f}",
                sum(part.calls for part in parts),
                sum(part.tokens for part in parts),
                exact_usd(sum(part.cost_nano for part in parts)),
                f"{line.seconds:.3f}" if of.calls else "",
                _yes(line.recalled),
                _yes(line.escalated) if line.done else "",
                of.attempts,
                "" if of.at is None else f"{of.at:.3f}",
                _plain(of.reason),
            ]
        )


def _yes(fact: bool | None) -> str:  # noqa: FBT001 - what is said
    return "" if fact is None else "yes" if fact else "no"


def _plain(text: str) -> str:
    """A model's text as a cell: one that a spreadsheet would carry out as a formula gets a quote before it."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
