"""What ends a run before its last step: money, no progress, a safety stop, a person."""

import time
from typing import Any

import pytest

from tests.e2e.home import Home, until
from tests.e2e.scripts import go, spec

pytestmark = pytest.mark.slow
SLOWLY = "time.sleep(0.02)"


def reasons(home: Home) -> list[str]:
    """What was told, in order."""
    return [line.split('"reason": "')[1].split('"')[0] for line in (home.folder() / "events.jsonl").read_text().splitlines()]


def test_a_budget_warns_then_checkpoints_and_stops_and_a_larger_one_goes_on(home: Home) -> None:
    """At a price of 0.2 cents a second: warned at a share of it, suspended at the whole with a checkpoint, resumed with more.

    It becomes less while the run trains, so that it is never spent before the first step, however long a busy machine takes to start.
    """
    began_s, usd_per_s = time.monotonic(), 0.002
    price = {"warnAt": 0.00001, "usdPerWorkerHour": 3600 * usd_per_s}
    program: dict[str, Any] = {"steps": 1000, "hold": 600, "checkpoint": {"everySteps": 500}}
    shell = home.start(home.write(spec(home.path, **program, budget={"usd": 100, **price})))
    until(lambda: max(home.losses(), default=0) > 0 and "BudgetNearlyExhausted" in reasons(home))
    limit = round(float(home.status()["spentUsd"]) + 0.01, 3)
    stopped = home.tandem("run", home.write(spec(home.path, **program, budget={"usd": limit, **price})))
    assert (shell.wait(), stopped.returncode) == (3, 3), stopped.stdout + stopped.stderr
    status = home.status()
    assert (status["phase"], status["reason"]) == ("Suspended", "BudgetExhausted")
    assert limit <= float(status["spentUsd"]) <= usd_per_s * (time.monotonic() - began_s)
    assert 0 < status["checkpoint"]["step"] == status["step"] == max(home.losses())
    said = reasons(home)
    assert said.index("BudgetNearlyExhausted") < said.index("BudgetExhausted")

    go(home.path)
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
    body = "loss = loss * (1000 if at.step == 40 else 0) + 1 + at.step * 1e-6"
    spikes, once = {"action": "Stop"}, {"everySteps": 40}  # a checkpoint that is due while another is on its way is put off
    failed = home.tandem("run", home.write(spec(home.path, steps=60, body=body, spikes=spikes, checkpoint=once)))
    assert failed.returncode == 1
    status = home.status()
    assert (status["phase"], status["attempt"], status["failures"]) == ("Failed", 1, 0)
    assert "spike" in status["message"]
    assert status["checkpoint"]["step"] == 40


def test_a_stopped_run_goes_on_at_the_next_step(home: Home) -> None:
    """`tandem stop`, from another terminal, then the same command again: no step is lost, none is made twice."""
    file = home.write(spec(home.path, steps=100, hold=60, body=SLOWLY, checkpoint={"everySteps": 1000}))
    shell = home.start(file)
    until(lambda: max(home.losses(), default=0) > 20)
    stopped = home.tandem("stop", "run")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert shell.wait() == 3, home.log()
    assert home.status()["checkpoint"]["step"] == max(home.losses())
    go(home.path)
    assert home.tandem("resume", "run").returncode == 0
    assert {step: len(seen) for step, seen in home.losses().items()} == dict.fromkeys(range(1, 101), 1)
    assert home.status()["lostSteps"] == 0
