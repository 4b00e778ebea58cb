"""A run that is stopped goes on with another number of workers, at another ZeRO stage, as if nothing had changed."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.home import TANDEM, Home, until

pytestmark = pytest.mark.slow
STEPS = 120
JUDGED = 20  # steps after each change
BEFORE_A_CHANGE = 8


def spec(workers: int, stage: int) -> dict[str, Any]:
    """A small model in fp32, with two micro-batches or more in a step."""
    trainer = {"zeroStage": stage, "microBatchSize": 1, "precision": "fp32", "model": {"layers": 2, "width": 32, "heads": 2}}
    phase = {"name": "only", "steps": STEPS, "contextLength": 64, "batchSize": 8, "warmupSteps": 5, "learningRate": 0.003}
    return {"trainer": {"deepspeed": trainer}, "workers": workers, "phases": [phase], "checkpoint": {"everySteps": 1000}}


@contextmanager
def all_asked(home: Home) -> Iterator[None]:
    """Within it ranks are asked to leave, and stand still until each of them has been."""
    ranks = home.ranks()
    for rank in ranks:
        rank.suspend()
    yield
    until(lambda: all(_is_asked(rank) for rank in ranks))
    for rank in ranks:
        rank.resume()


def _is_asked(rank: psutil.Process) -> bool:
    """Whether a SIGTERM waits for it to go on."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{rank.pid}/status").read_text().splitlines() if ":\t" in line)
    return bool(int(status["ShdPnd"], 16) & 1 << (signal.SIGTERM - 1))


@pytest.mark.timeout(1200)
def test_two_workers_then_one_then_four_then_two_at_another_stage(home: Home) -> None:
    """Asked to leave in the middle of a step, again and again: no step is lost or made twice, and losses stay on the same path.

    Nobody makes a step between the wish and its way to the ranks, so that each stretch is as short as it is meant to be.
    """
    assert home.tandem("run", home.write(spec(2, 2), "undisturbed")).returncode == 0
    expected = {step: seen[0] for step, seen in home.losses("undisturbed").items()}
    firsts = []
    for workers, stage in ((2, 2), (1, 2), (4, 2), (2, 3)):
        firsts.append(max(home.losses(), default=0) + 1)
        shell = home.start(home.write(spec(workers, stage)))
        if len(firsts) < 4:
            goal = firsts[-1] + BEFORE_A_CHANGE
            until(lambda goal=goal: max(home.losses(), default=0) >= goal)
            if len(firsts) == 2:
                with all_asked(home):
                    for agent in home.agents():
                        agent.terminate()  # as a platform would, without a word to Tandem: a preemption, followed by another attempt
                reached = max(home.losses())
                until(lambda reached=reached: max(home.losses()) > reached + 2)  # of the next attempt
            with all_asked(home):
                asking = subprocess.Popen([str(TANDEM), "stop", "run"], env=home.environ)
            assert asking.wait() == 0, home.log()
        shell.wait()
    losses = home.losses()
    assert {step: len(seen) for step, seen in losses.items()} == dict.fromkeys(range(1, STEPS + 1), 1)
    assert firsts[-1] + JUDGED <= STEPS, "it was done before the last change: make it longer"
    assert all(losses[first][0] == pytest.approx(expected[first], rel=1e-4) for first in firsts)
    judged = [step for first in firsts for step in range(first, first + JUDGED)]
    assert [losses[step][0] for step in judged] == pytest.approx([expected[step] for step in judged], rel=1e-3)
    status = home.status()
    ended = {path.parent.name: json.loads(path.read_text())["code"] for path in home.folder().glob("workers/*/ended")}
    last = f"run-{status['attempt']}-"
    assert {code for name, code in ended.items() if not name.startswith(last)} == {143}, "whoever is asked to leave says so"
    assert (status["phase"], status["lostSteps"], status["failures"]) == ("Succeeded", 0, 0)
