"""How a DualRun looks: the panel at any width, one line for a log, and how it ended."""

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus, LaneState, LaneStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.dual import said
from tandem_operator.cli.dual.care import ended
from tandem_operator.cli.dual.panel import panel
from tandem_operator.cli.dual.planned import Planned
from tandem_operator.cli.exits import Exit
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.estimate import estimate

from tests.operator.plan.dual.runs import dual

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def run(**status: object) -> DualRun:
    lanes = (
        LaneStatus(name="cloud", state=LaneState.THROTTLED, done=3, calls=9, in_flight=2, spent_usd=Decimal("0.02")),
        LaneStatus(name="local", state=LaneState.READY, done=9),
    )
    known = {"phase": RunPhase.RUNNING, "total": 40, "done": 12, "agreement": 0.75, "spent_usd": Decimal("0.02"), "lanes": lanes}
    return dual(budget={"usd": 5.0}).model_copy(update={"status": DualRunStatus(**{**known, **status})})


@pytest.mark.parametrize("width", [60, 80, 160])
def test_the_panel_fits_the_terminal_and_shows_each_lane(width: int) -> None:
    """No line is wider than the terminal; questions, lanes and money are all there."""
    page = StringIO()
    Console(file=page, width=width, legacy_windows=False).print(panel(run(), NOW, width, "stop"))
    shown = page.getvalue()
    assert max(len(line) for line in shown.splitlines()) <= width
    for word in ("12/40", "Running", "cloud", "Throttled", "local", "Ready", "0.75", "$0.02", "Ctrl-C: stop"):
        assert word in shown


def test_a_line_for_a_log_says_only_what_is_known() -> None:
    """Lanes, money, what was given up where anything was."""
    assert said.progress(run(eta_seconds=61), NOW).line == (
        "12/40 questions  cloud 3 Throttled (2 in flight), local 9 (0 in flight)  agreement 0.75  $0.02 of $5.00  1m01s left"
    )
    assert "2 given up" in said.progress(run(failed=2, agreement=None), NOW).line


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"phase": RunPhase.SUCCEEDED}, Exit.DONE),
        ({"phase": RunPhase.SUCCEEDED, "failed": 1}, Exit.FAILED),
        ({"phase": RunPhase.FAILED}, Exit.FAILED),
        ({"phase": RunPhase.SUSPENDED}, Exit.STOPPED),
    ],
)
def test_questions_that_were_given_up_are_a_failure_for_scripts(status: dict[str, object], code: Exit) -> None:
    """Exit code 1, though every other question is answered."""
    assert ended(run(**status).status) is code


def test_a_plan_is_no_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is reckoned from characters, without probes and calls that are made again: it says about how much, and what for."""
    asked = run(phase=RunPhase.PENDING)
    found = estimate(asked, ["what is it?"], 40)
    Planned(run=asked, folder=DualFolder(tmp_path), processes=(), changed=(), estimate=found).tell(verbose=False)
    said_ = capsys.readouterr().out
    assert "about 40 questions" in said_
    assert "if every expert is asked" in said_
    assert "at most" not in said_
