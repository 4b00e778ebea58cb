"""Killed at any moment, in any of its processes, a run comes to the same end as if nothing had happened."""

import os
import random
import signal
from typing import Any

import psutil
import pytest

from tests.e2e.home import Home, kill, until

pytestmark = pytest.mark.slow
STEPS = 80
KILLS = int(os.environ.get("TANDEM_TEST_KILLS", "3"))
_VICTIMS = ("rank", "agent", "worker", "shell", "everything")


def spec(stage: int) -> dict[str, Any]:
    """Two ranks, a very small model, a checkpoint every five steps, and patience with whoever kills it."""
    precision = "bf16" if stage == 3 else "fp32"  # trainer_image/deepspeed/test_resume.py has each of both
    return {
        "trainer": {
            "deepspeed": {"zeroStage": stage, "precision": precision, "microBatchSize": 2, "model": {"layers": 2, "width": 32, "heads": 2}}
        },
        "workers": 2,
        "phases": [
            {"name": "short", "steps": STEPS // 2, "contextLength": 32, "batchSize": 8, "warmupSteps": 5, "learningRate": 0.003},
            {"name": "long", "steps": STEPS // 2, "contextLength": 64, "batchSize": 8},
        ],
        "checkpoint": {"everySteps": 5},
        "restart": {"maxFailures": 1000, "maxNoProgress": 1000, "backoff": {"first": "0s", "longest": "1s"}},
    }


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_after_kills_at_random_moments_every_loss_is_that_of_an_undisturbed_run(home: Home, stage: int) -> None:
    """A rank, an agent, a whole worker, the shell or all at once is killed -9 again and again; losses stay bit for bit the same."""
    undisturbed = home.tandem("run", home.write(spec(stage), "undisturbed"))
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr
    expected = home.losses("undisturbed")
    assert sorted(expected) == list(range(1, STEPS + 1))

    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng, file = random.Random(seed), home.write(spec(stage))
    shell = home.start(file)
    for number in range(KILLS):
        _wait_for_a_random_moment(home, rng, number)
        what = rng.choice(_VICTIMS) if number else "rank"  # so that there is a failure to count, however the dice fall
        _kill(what, home, rng, shell)
        if shell.poll() is not None:
            shell = home.start(file)
    assert shell.wait() == 0, home.log()
    losses = home.losses()
    assert sorted(losses) == list(range(1, STEPS + 1))
    assert {step: set(seen) for step, seen in losses.items()} == {step: set(seen) for step, seen in expected.items()}
    assert home.status()["failures"] > 0


def _wait_for_a_random_moment(home: Home, rng: random.Random, number: int) -> None:
    """Now and then while it starts, mostly between two steps of the stretch that is left."""
    until(lambda: len(home.ranks()) == 2 or _over(home), every_s=0.3)
    goal = 0 if rng.random() < 0.2 else rng.randint(1, STEPS * (number + 1) // (KILLS + 1))
    until(lambda: max(home.losses(), default=0) >= goal or _over(home), every_s=rng.uniform(0.005, 0.2))


def _over(home: Home) -> bool:
    return max(home.losses(), default=0) == STEPS


def _kill(what: str, home: Home, rng: random.Random, shell: Any) -> None:
    ranks, agents = home.ranks(), home.agents()
    match what:
        case "rank":
            kill(rng.sample(ranks, min(1, len(ranks))))
        case "agent":
            kill(rng.sample(agents, min(1, len(agents))))
        case "worker" if agents:
            _kill_group(rng.choice(agents).pid)
        case "shell":
            shell.kill()
            shell.wait()
        case _:
            shell.kill()
            shell.wait()
            kill(home.ranks() + home.agents())


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return
