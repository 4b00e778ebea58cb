"""Small runs of the experts trainer, on text that is made up."""

import random
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from tandem_trainer.data import prepare
from tandem_trainer.disk import is_memory
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.job import Data, Run
from tandem_trainer.rank.schedule import positions
from tandem_trainer.rank.world import World
from tandem_trainer.trainer import StepReport

_WORDS = ("expert", "slot", "router", "credit", "window", "row")


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokens of a made-up program."""
    source = made_up(tmp_path_factory.mktemp("source"))
    return prepare.ensure(Data(source=str(source)), tmp_path_factory.mktemp("shards"))


def made_up(folder: Path) -> Path:
    """A program that means nothing, in `folder`."""
    drawn = random.Random(0)
    for number in range(4):
        lines = (f"{drawn.choice(_WORDS)} = {drawn.choice(_WORDS)}({drawn.randrange(9)})\n" for _ in range(200))
        (folder / f"{number}.py").write_text("".join(lines))
    return folder


def run(*, memory: dict[str, Any] | None = None, **mixture: Any) -> Run:
    """Eight experts on a trunk of one block."""
    phase = {"name": "one", "steps": 2000, "contextLength": 16, "batchSize": 8, "learningRate": 5e-3, "schedule": "constant"}
    model, small = {"layers": 1, "width": 32, "heads": 2}, {"count": 8, "innerWidth": 32}
    trainer = {"kind": "experts", "model": model, "mixture": {**small, **mixture}, "memory": {"expertsPerSlot": 1, **(memory or {})}}
    return Run.model_validate({"name": "small", "trainer": trainer, "phases": [phase], "checkpoint": {"uri": "file:///unused"}})


def begun(told: Run, shards: Path) -> ExpertsTrainer:
    """A trainer at its first phase."""
    trainer = ExpertsTrainer(told, World(), [shards])
    trainer.begin(0, told.phases[0])
    return trainer


def steps(trainer: ExpertsTrainer, told: Run, first: int, last: int) -> list[StepReport]:
    """Make the steps from `first` up to `last`."""
    return [trainer.step(at, lambda: False) for at in islice(positions(told.phases, first), last - first)]


def disk(folder: Path) -> Path:
    """A folder on a disk that belongs to a test's own `folder`: where the usual ones lie in memory, beside what is kept longer."""
    found = (Path("/var/tmp") / "tandem-tests" / folder.name if is_memory(folder) else folder) / "disk"  # noqa: S108  # FHS: it outlives a boot
    found.mkdir(parents=True, exist_ok=True)
    return found
