"""The examples do what their first lines promise; the quickstart is what a stranger runs first."""

import json
from pathlib import Path

import pytest
import yaml
from tandem_objects import open_store
from tandem_trainer.checkpoint.reader import candidates

from tests.e2e.home import Home

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "manifests/examples"


def test_the_quickstart_trains_to_its_end_and_shows_it(home: Home) -> None:
    """Every step of both phases once, a falling loss, checkpoints, a picture, three commands to try, and they work."""
    done = home.tandem("run", EXAMPLES / "quickstart.yaml", timeout_s=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [seen[0] for _, seen in sorted(home.losses("quickstart").items())]
    spec = yaml.safe_load((EXAMPLES / "quickstart.yaml").read_text())["spec"]
    assert len(losses) == sum(phase["steps"] for phase in spec["phases"])
    assert sum(losses[-10:]) / 10 < losses[0] - 2
    store = open_store((home.folder("quickstart") / "checkpoints").as_uri(), {})
    assert len(candidates(store)) >= spec["checkpoint"]["keepLast"]
    assert (home.folder("quickstart") / "loss.png").read_bytes().startswith(b"\x89PNG")
    suggested = done.stdout.split("next:\n")[1].splitlines()
    assert len(suggested) == 3
    for line in suggested[:2]:
        tried = home.tandem(*line.split("  ")[1].removeprefix("uv run ").removeprefix("tandem ").split())
        assert tried.returncode == 0, line + tried.stderr


def test_experts_take_as_much_device_memory_as_an_eighth_of_them(home: Home) -> None:
    """The example, and its first steps with eight experts: the loss falls, memory is flat, but for what the router keeps of each."""
    done = home.tandem("run", EXAMPLES / "experts.yaml", timeout_s=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    spec = yaml.safe_load((EXAMPLES / "experts.yaml").read_text())["spec"]
    losses = [seen[0] for _, seen in sorted(home.losses("experts").items())]
    assert len(losses) == spec["phases"][0]["steps"]
    assert sum(losses[-10:]) / 10 < losses[0] - 2
    mixture = spec["trainer"]["experts"]["mixture"]
    many, mixture["count"] = mixture["count"], 8
    spec["phases"][0]["steps"] = spec["phases"][0]["warmupSteps"]
    fewer = home.tandem("run", home.write(spec, "fewer"), timeout_s=1500)
    assert fewer.returncode == 0, fewer.stdout + fewer.stderr
    ((more,), (less,)) = (_device_memory(home, name) for name in ("experts", "fewer"))
    router = 4 * (3 * spec["trainer"]["experts"]["model"]["width"] + 1) + 1  # a key with moments and a handicap in fp32, and a mark
    assert more - less == (many - 8) * router
    assert f"device memory {more / 1e6:,.2f} MB" in home.tandem("logs", "experts").stdout


def _device_memory(home: Home, name: str) -> set[int]:
    """What any step took."""
    steps = [path.read_text() for path in home.folder(name).glob("workers/*/steps.jsonl")]
    return {json.loads(line)["deviceMemoryBytes"] for text in steps for line in text.splitlines()}


def test_the_script_example_is_a_loop_of_40_lines_that_resumes(home: Home) -> None:
    """It trains to its end, was short enough to read, and its state is in the checkpoints."""
    assert len((EXAMPLES / "train_script.py").read_text().splitlines()) <= 40
    done = home.tandem("run", EXAMPLES / "script.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    name = yaml.safe_load((EXAMPLES / "script.yaml").read_text())["metadata"]["name"]
    status = home.status(name)
    assert status["checkpoint"]["step"] == status["step"] == status["totalSteps"]
    losses = home.losses(name)
    assert losses[max(losses)][0] < losses[1][0] / 2


def test_the_large_example_can_be_planned_anywhere(home: Home) -> None:
    """Phases, tokens and dollars of the spot run are printed; nothing is started, and no key is needed."""
    planned = home.tandem("plan", EXAMPLES / "spot-7b.yaml", "-o", "json")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert json.loads(planned.stdout)
    assert not (home.path / "state" / "runs").exists()
