"""The report of a DualRun, written from its books by `tandem_reasoning.report`: while it runs, and when it is over."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tandem_operator.local.process.environment import interpreter, passed
from tandem_operator.local.state.run_folder import DualFolder

_LONGEST_S = 300  # a ledger of 50,000 questions takes about a minute
_REFUSED = 2  # by tandem_reasoning.report, with a line for people


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Where it is, and what it says in short."""

    page: Path
    told: dict[str, Any]

    @property
    def verdict(self) -> tuple[str, ...]:
        """What the pair did, a sentence each."""
        return tuple(str(sentence) for sentence in cast("list[object]", self.told.get("verdict", [])))


def current(folder: DualFolder) -> Report:
    """The report of a run that rests: the one that its coordinator has left, unless something was answered since.

    Raises:
        ReportError: as `write` does.
    """
    try:
        told = json.loads((folder.report / "report.json").read_text(encoding="utf-8"))
        answered = int(told["questions"].get("done", 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return write(folder)
    page = folder.report / "report.html"
    return Report(page=page, told=told) if page.exists() and answered == folder.status().done else write(folder)


class ReportError(Exception):
    """It cannot be written; a line that says why."""


class ReportDefectError(ReportError):
    """Whoever writes it has a defect; a line that names it."""

    def __init__(self, line: str, printed: str) -> None:
        """Keep what it `printed`, its traceback included."""
        super().__init__(line)
        self.printed = printed


def write(folder: DualFolder, into: Path | None = None) -> Report:
    """Write the report of the run in `folder` as it stands now; into its own folder unless another is given.

    Raises:
        ReportError: when there are no books yet, or they cannot be read.
        ReportDefectError: when the program that writes it has come down.
    """
    into = into or folder.report
    if not folder.ledger.exists():
        message = f"{folder.name}: has no books yet, so there is nothing to report"
        raise ReportError(message)
    python = interpreter(os.environ)
    command = [python, "-m", "tandem_reasoning.report", str(folder.ledger), "--into", str(into)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, env=passed(os.environ), timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        message = f"{folder.name}: its report was not written within {_LONGEST_S} s"
        raise ReportError(message) from None
    if made.returncode:
        words = made.stderr.strip().splitlines() or [f"exit code {made.returncode}"]
        raise ReportError(words[-1]) if made.returncode == _REFUSED else ReportDefectError(words[-1], made.stderr)
    return Report(page=into / "report.html", told=json.loads((into / "report.json").read_text(encoding="utf-8")))
