"""How a DualRun looks: the panel at any width, one line for a log, and how it ended."""

import subprocess
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.dual_status import DualRunStatus, LaneState, LaneStatus, MemoryState, MemoryStatus, PartStatus
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.dual import bill, said
from tandem_operator.cli.dual.care import ended
from tandem_operator.cli.dual.panel import panel
from tandem_operator.cli.dual.planned import Planned
from tandem_operator.cli.dual.standing import HEAD, facts, going_on, row
from tandem_operator.cli.exits import Exit
from tandem_operator.cli.looking import standing
from tandem_operator.cli.show.format import Format
from tandem_operator.local.state.run_folder import DualFolder
from tandem_operator.plan.dual.estimate import estimate

from tests.operator.plan.dual.runs import CLOUD, LOCAL, dual

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


AWAY = MemoryStatus(state=MemoryState.AWAY, problem="memory:7433: no route", waiting=1)
SAID = "Away, answers go on without it: memory:7433: no route; 1 record yet to be told"


def test_a_memory_that_is_away_is_seen_wherever_one_looks(tmp_path: Path) -> None:
    """In the panel, in a line of a log and among the facts; one that is well is no news."""
    page = StringIO()
    for memory in (AWAY, MemoryStatus(state=MemoryState.READY)):
        Console(file=page, width=160, legacy_windows=False).print(panel(run(memory=memory), NOW, 160))
    assert page.getvalue().count("memory") == 2  # once as a word, once in its address
    assert f"memory {SAID}" in page.getvalue()
    assert "memory Away" in said.progress(run(memory=AWAY), NOW).line
    assert facts(run(memory=AWAY), DualFolder(tmp_path), "")["memory"] == SAID
    assert "memory" not in facts(run(), DualFolder(tmp_path), "")


def test_in_the_table_of_runs_a_pair_has_columns_of_its_own() -> None:
    """Answered questions, lanes and dollars; no loss, no step."""
    assert dict(zip(HEAD, row(run(), "", NOW), strict=True)) == {
        "NAME": "pair",
        "PHASE": "Running",
        "ANSWERED": "12/40",
        "LANES": "cloud 3 Throttled, local 9",
        "SPENT": "$0.02 of $5.00",
        "ATTEMPT": "0",
        "AGE": "-",
    }


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


def planned_to_cost(folder: Path, capsys: pytest.CaptureFixture[str], budget: dict[str, object], spent: str = "0") -> list[str]:
    """What a plan says of its budget, for 1000 questions of which 12 are answered, and a cloud lane that costs nothing by the hour."""
    cloud = {**CLOUD, "price": {"usdPerMillionInputTokens": 0.1, "usdPerMillionOutputTokens": 0.4}}
    asked = dual(budget=budget, lanes=[cloud, LOCAL]).model_copy(update={"status": DualRunStatus(done=12, spent_usd=Decimal(spent))})
    found = estimate(asked, ["x" * 400], 1000)
    Planned(run=asked, folder=DualFolder(folder), processes=(), changed=(), estimate=found).tell(verbose=False)
    return [line for line in capsys.readouterr().out.splitlines() if "enough for" in line or "not one" in line]


@pytest.mark.parametrize(
    ("budget", "spent", "line"),
    [
        ({"usd": 50}, "0", "the budget of $50.00: enough for all 988 questions, even if cloud answers them and every expert is asked"),
        ({"usd": 0.06, "onExhausted": "LocalOnly"}, "0", "then it goes on with lanes that cost nothing (LocalOnly)"),
        ({"usd": 0.06, "onExhausted": "Suspend"}, "0.01", "$0.05 that are left of the budget: enough for about "),
        ({"usd": 0.06, "onExhausted": "Suspend"}, "0", "then it stops until the budget is larger (Suspend)"),
        ({"usd": 0.0001, "onExhausted": "Fail"}, "0", "warning: the budget of $0.0001: not one call of cloud is paid for, for which $0.00"),
        ({"usd": 0.0001, "onExhausted": "Fail"}, "0", "then it fails (Fail)"),
        ({"usd": 0.002, "onExhausted": "Fail"}, "0", "the budget of $0.0020: enough for less than one of 988 questions, if cloud answers"),
    ],
)
def test_a_plan_says_what_its_budget_comes_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], budget: dict[str, object], spent: str, line: str
) -> None:
    """For how many questions it reaches, and what the run does then; nothing where there is none."""
    (told,) = planned_to_cost(tmp_path, capsys, budget, spent)
    assert line in told
    assert planned_to_cost(tmp_path, capsys, {}) == []


@pytest.mark.parametrize(
    ("spent", "each"),
    [("0.0012", "$0.0001"), ("0.0038", "$0.000317"), ("0.0000002", "$0.0000000167"), ("0.012", "$0.0010"), ("0", "$0.00")],
)
def test_what_a_question_costs_is_told_in_plain_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str], spent: str, each: str) -> None:
    """However little it is: three digits that count, and no exponent."""
    folder, told = DualFolder(tmp_path / "pair"), run(spent_usd=Decimal(spent))
    folder.write_wanted(told)
    folder.write_status(told.status)
    bill.tell(folder, Format.TABLE)
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines() if line.startswith("for a question")] == [each]


def test_only_starts_that_were_made_are_told(tmp_path: Path) -> None:
    """A status may name one that is still to come, or that came to nothing because the run was over by then."""
    folder = DualFolder(tmp_path)
    for name in ("coordinator-0-1", "coordinator-0-2", "worker-0-1", "worker-0-x"):
        (folder.workers / f"pair-{name}").mkdir(parents=True)
    parts = tuple(PartStatus(name=name, start=start) for name, start in (("coordinator-0", 2), ("worker-0", 2), ("worker-1", 1)))
    assert facts(run(parts=parts), folder, "")["parts"] == "coordinator-0 (start 2), worker-0"
    assert facts(run(parts=parts), DualFolder(tmp_path / "none"), "")["parts"] == "-"


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (
            ["engine-0-1", "coordinator-0-1", "worker-0-1"],
            "3 of its parts go on: questions are answered and their cost is counted, but whatever falls is not started again",
        ),
        (["coordinator-0-1"], "1 of its parts goes on, and nothing is answered without a worker"),
        (["worker-0-1", "worker-1-1"], "2 of its parts go on, and nothing is answered without a coordinator"),
    ],
)
def test_parts_that_are_left_answer_questions_and_train_nothing(live: list[str], told: str) -> None:
    """Their coordinator counts what that costs, and nothing comes of it without one."""
    assert going_on(live) == told


def test_a_pair_whose_tandem_was_killed_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is left of it, in the words of pairs."""
    folder, told = DualFolder(tmp_path / "pair"), run()
    folder.write_wanted(told)
    folder.write_status(told.status)
    standing.tell(folder)
    part = folder.workers / "pair-coordinator-0-1"
    part.mkdir(parents=True)
    standing.tell(folder)
    with subprocess.Popen(["sleep", "60"], env={"TANDEM_SCRATCH": str(part)}) as left:
        standing.tell(folder)
        left.kill()
    said_ = " ".join(capsys.readouterr().out.split())
    for words in (
        "it was killed before a part was started.",
        "it was killed, and all its parts are gone.",
        "it was killed. 1 of its parts goes on, and nothing is answered without a worker.",
    ):
        assert words in said_
