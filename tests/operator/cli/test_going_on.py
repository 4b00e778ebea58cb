"""Going on with what has ended: failed runs, changed files, and commands that work as they are suggested."""

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.operator.cli.conftest import left

CAUGHT = {"hold_after": 50}  # it stands still until it is asked to leave, or may go on
PHASES = [{"name": "warmup", "steps": 20}, {"name": "pretrain", "steps": 80}]
Until = Callable[[Callable[[], object]], None]


def status(desk: Any, name: str = "demo") -> dict[str, Any]:
    return json.loads(desk.tandem("status", name, "-o", "json").stdout)["status"]


def suggested(said: str) -> list[list[str]]:
    """The commands under `next:`, in words."""
    lines = said.partition("next:\n")[2].splitlines()
    return [shlex.split(re.split(r"\s{2,}", line.strip())[0])[1:] for line in lines]


@pytest.mark.parametrize("words", [["run", "demo.yaml"], ["resume", "demo"]])
def test_a_failed_run_that_is_asked_for_again_tries_again_from_its_checkpoint(desk: Any, words: list[str]) -> None:
    """It fails twice at step 27; its cause is gone: attempt 3 begins at step 21 and no failure is held against it."""
    desk.file()
    assert desk.tandem("run", "demo.yaml", standin={"fall_at": 27}).returncode == 1
    failed = status(desk)
    again = desk.tandem(*words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "had failed, NoProgress" in again.stdout
    assert desk.starts() == ["demo-1-0", "demo-2-0", "demo-3-0"]
    first = json.loads((desk.state / "runs/demo/workers/demo-3-0/steps.jsonl").read_text().splitlines()[0])
    assert first["step"] == 21
    done = status(desk)
    assert (done["phase"], done["failures"], done["attempt"]) == ("Succeeded", 0, 3)
    assert done["startedAt"] == failed["startedAt"]


def test_a_failed_run_may_fail_as_often_again_as_at_first(desk: Any) -> None:
    """The new mandate has its own count: the cause is still there, and it ends with NoProgress after two more attempts."""
    file = desk.file()
    desk.tandem("run", file, standin={"fall_at": 7})
    again = desk.tandem("run", file, standin={"fall_at": 7})
    assert (again.returncode, "NoProgress" in again.stdout) == (1, True)
    assert len(desk.starts()) == 4


def test_a_deadline_fails_again_at_once_until_it_is_raised(desk: Any) -> None:
    """No attempt is started for nothing; a longer deadline in the file is taken first, then the run goes on. No doctor is called."""
    failed = desk.tandem("run", desk.file(deadline="1s"), standin=CAUGHT)
    assert (failed.returncode, "DeadlineExceeded" in failed.stdout) == (1, True)
    assert "doctor" not in failed.stdout
    starts = desk.starts()
    again = desk.tandem("run", desk.file(deadline="1s"))
    assert (again.returncode, desk.starts()) == (1, starts)
    assert "the run's 1s are over" in again.stdout
    raised = desk.tandem("run", desk.file(deadline="1h"))
    assert raised.returncode == 0, raised.stdout
    assert "changed: deadline 1s -> 1h" in raised.stdout


def test_a_run_that_failed_for_its_budget_goes_on_with_a_larger_one(desk: Any) -> None:
    """The suggested command is run as printed, with an amount above what was spent."""
    file = desk.file(budget={"usd": 0.02, "usdPerWorkerHour": 36, "onExhausted": "Fail"})
    failed = desk.tandem("run", file, standin=CAUGHT)
    assert (failed.returncode, "BudgetExhausted" in failed.stdout) == (1, True)
    resume = suggested(failed.stdout)[0]
    assert resume[:3] == ["resume", "demo", "--budget-usd"]
    assert float(resume[3]) > float(status(desk)["spentUsd"])
    again = desk.tandem("resume", "demo", "--budget-usd", "10")
    assert again.returncode == 0, again.stdout


def test_a_budget_at_or_below_what_is_spent_is_refused_with_both_figures(desk: Any) -> None:
    """Exit 2, an amount that would do, and nothing has changed."""
    desk.tandem("run", desk.file(budget={"usd": 0.02, "usdPerWorkerHour": 36}), standin=CAUGHT)
    before = status(desk)
    refused = desk.tandem("resume", "demo", "--budget-usd", "0.01")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "$0.01 is not more than the $0." in refused.stderr
    assert float(refused.stderr.rsplit(" ", 1)[1]) > float(before["spentUsd"])
    assert status(desk) == before


def test_another_model_is_refused_in_one_line_and_the_run_survives(desk: Any, until: Until) -> None:
    """Exit 2 with both values; the same file as before goes on."""
    desk.start("run", desk.file(), standin=CAUGHT)
    until(lambda: desk.steps("demo-1-0") > 2)
    desk.tandem("stop", "demo")
    refused = desk.tandem("run", desk.file(trainer={"deepspeed": {"model": {"layers": 8}}}))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "spec.trainer.deepspeed.model: layers 4 cannot become layers 8" in refused.stderr
    assert desk.tandem("run", desk.file()).returncode == 0


def test_a_changed_file_of_a_run_that_is_done_is_said_and_starts_nothing(desk: Any) -> None:
    """Which fields, and both ways on; the one that is suggested works."""
    desk.tandem("run", desk.file())
    longer = desk.file(phases=[PHASES[0], {"name": "pretrain", "steps": 90}])
    again = desk.tandem("run", longer)
    assert (again.returncode, desk.starts()) == (0, ["demo-1-0"])
    assert "the file differs from what was run (phases[1].steps 80 -> 90)" in again.stdout
    assert "nothing was started" in again.stdout
    assert "--name demo-2" in again.stdout
    fresh = desk.tandem(*suggested(again.stdout)[-1])
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert status(desk)["step"] == 110


def test_with_a_store_of_its_own_a_changed_file_goes_on_under_another_name(desk: Any) -> None:
    """`--fresh` would be refused and is not suggested; the other name starts at the step after the last checkpoint."""
    store = {"uri": (desk.path / "store").as_uri()}
    done = desk.tandem("run", desk.file(checkpoint=store))
    assert "--fresh" not in done.stdout
    longer = desk.file(checkpoint=store, phases=[PHASES[0], {"name": "pretrain", "steps": 90}])
    again = desk.tandem("run", longer)
    assert "--fresh" not in again.stdout
    onward = suggested(again.stdout)[-1]
    assert onward[-2:] == ["--name", "demo-2"]
    assert desk.tandem(*onward).returncode == 0
    first = (desk.state / "runs/demo-2/workers/demo-2-1-0/steps.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["step"] == 101


def test_a_file_that_changes_a_run_under_way_says_what_it_changed(desk: Any, until: Until) -> None:
    """One line with the fields, and that workers go on as they were started."""
    desk.start("run", desk.file(), standin=CAUGHT)
    until(lambda: desk.steps("demo-1-0") > 2)
    watching, said = desk.start("run", desk.file(budget={"usd": 9})), list[str]()
    wanted = ("changed: budget.usd none -> 9", "the workers of attempt 1 go on as they were started")
    until(lambda: said.append(watching.stdout.readline()) or all(words in "".join(said) for words in wanted))
    desk.go()
    left(watching)


def test_whatever_is_suggested_after_resume_needs_no_file(desk: Any, until: Until) -> None:
    """After a stop, a failure and the end: no FILE, no --fresh, and each command is one that is understood."""
    desk.start("run", desk.file(), standin=CAUGHT)
    until(lambda: desk.steps("demo-1-0") > 2)
    desk.tandem("stop", "demo")
    failed = desk.tandem("resume", "demo", standin={"fall_at": 90})
    done = desk.tandem("resume", "demo")
    once_more = desk.tandem("resume", "demo")
    for said, code in ((failed, 1), (done, 0), (once_more, 0)):
        assert said.returncode == code, said.stdout + said.stderr
        assert all("FILE" not in words and "--fresh" not in words for words in suggested(said.stdout))
        assert all(desk.tandem(*words).returncode == 0 for words in suggested(said.stdout) if words[0] not in {"doctor", "resume"})


def test_a_run_that_its_file_suspends_is_resumed_by_name(desk: Any) -> None:
    """The file would suspend it again; what is suggested starts it."""
    rests = desk.tandem("run", desk.file(suspend=True))
    assert (rests.returncode, suggested(rests.stdout)[0]) == (3, ["resume", "demo"])
    assert desk.tandem(*suggested(rests.stdout)[0]).returncode == 0


def test_who_stops_a_run_reads_of_no_field_that_they_never_wrote(desk: Any, until: Until) -> None:
    """`tandem stop` is a request, and is called one."""
    running = desk.start("run", desk.file(), standin=CAUGHT)
    until(lambda: desk.steps("demo-1-0") > 2)
    desk.tandem("stop", "demo")
    said = left(running)
    assert "stopped on request" in said
    assert "spec.suspend" not in said


def test_plan_says_what_would_become_of_a_run_that_has_ended(desk: Any) -> None:
    """Failed: the next attempt, and what it costs in all at the speed it had; succeeded: nothing."""
    file = desk.file(budget={"usd": 9, "usdPerWorkerHour": 36})
    assert "not known before it has run" in desk.tandem("plan", file).stdout
    desk.tandem("run", file, standin={"fall_at": 27})
    said = desk.tandem("plan", file).stdout
    assert "has failed, NoProgress" in said
    assert "with attempt 3" in said
    assert "at the 1,000 tokens/s of attempt 2, about $" in said
    desk.tandem("run", file)
    assert "`tandem run` would start nothing" in desk.tandem("plan", file).stdout
    assert json.loads(desk.tandem("plan", file, "-o", "json").stdout)["startsNothing"]


def test_plan_shows_the_environment_only_when_it_is_asked_for(desk: Any) -> None:
    """Name and command line are what most people want; programs get all of it."""
    file = desk.file()
    assert "TANDEM_JOB" not in desk.tandem("plan", file).stdout
    assert "TANDEM_JOB" in desk.tandem("plan", file, "-v").stdout
    assert "TANDEM_JOB" in json.loads(desk.tandem("plan", file, "-o", "json").stdout)["processes"][0]["environment"]
