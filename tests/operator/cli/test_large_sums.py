"""Sums beyond what may be handed in: a run that is kept with them is shown, stopped and goes on, and nobody is told to write more."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.api.status import RunPhase
from tandem_operator.cli.show.onward import commands, larger_budget
from tandem_operator.local.state.run_folder import RunFolder
from tandem_operator.plan.phases import Reason

from tests.operator.cli.test_show import run

CAUGHT, LATER = {"hold_after": 30}, {"hold_after": 60}
SAID = "is too large: write 1000000000 or less"


def test_a_run_that_is_kept_with_them_is_shown_stopped_and_goes_on(desk: Any, until: Callable[[Callable[[], object]], None]) -> None:
    """What is spent at such a price is shown as well; a file with one starts nothing."""
    desk.start("run", desk.file(budget={"usd": 5, "usdPerWorkerHour": 0.01}), standin=CAUGHT)
    until(lambda: desk.steps("demo-1-0") > 2)
    desk.tandem("stop", "demo")
    wanted = desk.state / "runs/demo/spec.json"
    kept = json.loads(wanted.read_text())
    kept["spec"]["budget"] |= {"usd": 1e300, "usdPerWorkerHour": 1e299}
    wanted.write_text(json.dumps(kept))

    desk.start("resume", "demo", standin=LATER)
    until(lambda: desk.steps("demo-2-0") > 2)
    for words in (("status",), ("status", "demo"), ("cost", "demo"), ("stop", "demo")):
        done = desk.tandem(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(desk.tandem("status", "demo", "-o", "json").stdout)["status"]
    assert (status["phase"], Decimal(status["spentUsd"]) > 10**290) == ("Suspended", True)

    refused = desk.tandem("resume", "demo", "--budget-usd", "7")
    assert (refused.returncode, "is not more than the $" in refused.stderr, "such as" in refused.stderr) == (2, True, False)
    handed_in = desk.tandem("run", desk.file("other", budget={"usd": 1e300}))
    assert (handed_in.returncode, f"spec.budget.usd: 1e+300 {SAID}" in handed_in.stderr) == (2, True)


@pytest.mark.parametrize(
    ("usd", "spent", "larger"),
    [
        ("5", "5.001", "10.00"),
        ("1", "70", "140.00"),
        ("600000000", "600000001", "1000000000.00"),
        ("1000000000", "1000000001", None),
        ("2e9", "2e9", None),
        ("5", "3e9", None),
        ("1e300", "1e300", None),
    ],
)
def test_a_larger_budget_is_proposed_only_where_one_may_be_written(usd: str, spent: str, larger: str | None) -> None:
    """Else nothing is said of going on."""
    ended = run(phase=RunPhase.FAILED, reason=Reason.BUDGET_EXHAUSTED, spent_usd=spent)
    limit = ended.spec.budget.model_copy(update={"usd": Decimal(usd)})
    ended = ended.model_copy(update={"spec": ended.spec.model_copy(update={"budget": limit})})
    assert larger_budget(ended) == (larger and Decimal(larger))
    for phase in (RunPhase.FAILED, RunPhase.SUSPENDED):
        stands = ended.model_copy(update={"status": ended.status.model_copy(update={"phase": phase})})
        told = [command for command, _ in commands(RunFolder(Path("demo")), stands, None)]
        assert [command for command in told if "resume" in command] == ([f"tandem resume demo --budget-usd {larger}"] if larger else [])


def test_a_proposed_budget_reaches_for_what_is_needed_at_once() -> None:
    """Twice the little that there was would be refused again."""
    ended = run(phase=RunPhase.FAILED, reason=Reason.BUDGET_EXHAUSTED, spent_usd="0.0001")
    limit = ended.spec.budget.model_copy(update={"usd": Decimal("0.0002")})
    ended = ended.model_copy(update={"spec": ended.spec.model_copy(update={"budget": limit})})
    assert [larger_budget(ended, Decimal(needed)) for needed in ("0", "0.0004", "0.25")] == [
        Decimal(more) for more in ("0.01", "0.01", "0.26")
    ]
