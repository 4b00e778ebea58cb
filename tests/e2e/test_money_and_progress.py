"""What ends a run before its last step: money, no progress, a safety stop, a person."""

import pytest

from tests.e2e.home import Home, until
from tests.e2e.scripts import spec

pytestmark = pytest.mark.slow
SLOWLY = "time.sleep(0.02)"


def reasons(home: Home) -> list[str]:
    """What was told, in order."""
    return [line.split('"reason": "')[1].split('"')[0] for line in (home.folder() / "events.jsonl").read_text().splitlines()]


def test_a_budget_warns_then_checkpoints_and_stops_and_a_larger_one_goes_on(home: Home) -> None:
    """A few cents at a price of 0.2 cents a second: warned at 80 %, suspended at 100 % with a checkpoint, resumed with more."""
    budget = {"usd": 0.10, "warnAt": 0.8, "usdPerWorkerHour": 7.2}  # 50 s, most of which a busy machine may take to start
    until_then = "time.sleep(0.1 if at.step < 600 else 0)"
    file = home.write(spec(home.path, steps=1000, body=until_then, budget=budget, checkpoint={"everySteps": 500}))
    stopped = home.tandem("run", file)
    assert stopped.returncode == 3, stopped.stdout + stopped.stderr
    status = home.status()
    assert (status["phase"], status["reason"]) == ("Suspended", "BudgetExhausted")
    assert 0.10 <= float(status["spentUsd"]) < 0.15
    assert 0 < status["checkpoint"]["step"] == status["step"] == max(home.losses())
    said = reasons(home)
    assert said.index("BudgetNearlyExhausted") < said.index("BudgetExhausted")

    done = home.tandem("resume", "run", "--budget-usd", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert home.status()["phase"] == "Succeeded"
    assert all(len(seen) == 1 for seen in home.losses().values()), "a step was made twice"
    assert sorted(home.losses()) == list(range(1, 1001))


def test_a_run_that_fails_twice_at_the_same_step_stops(home: Home) -> None:
    """It fails at step 6 whatever is tried: the second time ends it as NoProgress, with the error in the status."""
    body = 'if at.step == 5: raise RuntimeError("out of tea")'
    failed = home.tandem("run", home.write(spec(home.path, steps=20, body=body, checkpoint={"everySteps": 5})))
    assert failed.returncode == 1
    status = home.status()
    assert (status["phase"], status["reason"], status["failures"]) == ("Failed", "NoProgress", 2)
    assert "out of tea" in status["message"]


def test_a_loss_spike_stops_a_run_that_asked_for_it(home: Home) -> None:
    """spikes.action Stop: the run ends with its message, and is not tried again."""
    body = f"{SLOWLY}; loss = loss * (1000 if at.step == 40 else 0) + 1 + at.step * 1e-6"  # a save takes longer than a bare step
    spikes = {"action": "Stop"}
    failed = home.tandem("run", home.write(spec(home.path, steps=60, body=body, spikes=spikes, checkpoint={"everySteps": 10})))
    assert failed.returncode == 1
    status = home.status()
    assert (status["phase"], status["attempt"], status["failures"]) == ("Failed", 1, 0)
    assert "spike" in status["message"]
    assert status["checkpoint"]["step"] == 40


def test_a_stopped_run_goes_on_at_the_next_step(home: Home) -> None:
    """`tandem stop`, from another terminal, then the same command again: no step is lost, none is made twice."""
    file = home.write(spec(home.path, steps=600, body=SLOWLY, checkpoint={"everySteps": 1000}))
    shell = home.start(file)
    until(lambda: max(home.losses(), default=0) > 20)
    stopped = home.tandem("stop", "run")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert shell.wait() == 3, home.log()
    assert home.status()["checkpoint"]["step"] == max(home.losses())
    assert home.tandem("resume", "run").returncode == 0
    assert {step: len(seen) for step, seen in home.losses().items()} == dict.fromkeys(range(1, 601), 1)
    assert home.status()["lostSteps"] == 0
