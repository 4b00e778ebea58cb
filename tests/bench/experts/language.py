"""Small language models of experts for the bench: made from a seed, taught for some steps, asked about text they have not seen."""

import sysconfig
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tandem_trainer.data import prepare
from tandem_trainer.data.order import Order
from tandem_trainer.data.shards import Shards
from tandem_trainer.experts.train import ExpertsTrainer
from tandem_trainer.job import Data, Run
from tandem_trainer.rank.schedule import positions
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal

CONTEXT, BATCH, WARM_UP, LEARNING_RATE = 64, 16, 20, 3e-3
EXPERTS, ACTIVE, WIDTH, INNER = 16, 2, 48, 64
UNSEEN = 64  # sequences of one question about text that was not seen, of the end of an epoch that no run comes to
QUESTIONS = 8

PYTHON = Data(source="python-stdlib", fill_in_the_middle=0)
HEADERS = Data(source=str(Path(torch.__file__).parent / "include"), include=("*.h",), fill_in_the_middle=0)
"""C++ that came with torch: another language, about other things."""
PROSE = Data(source=str(Path(sysconfig.get_path("stdlib"), "pydoc_data")), include=("topics.py",), fill_in_the_middle=0)
"""English, as lines of string literals: the handbook that `help()` shows, which is not among the Python source above."""


def text(path: Path) -> Data:
    """A text that somebody brings."""
    return Data(source=str(path.resolve()), fill_in_the_middle=0)


def insist_on_enough(texts: Sequence[Data], steps: int, cache: Path) -> None:
    """Make sure that each text is there and long enough for so many steps and all questions.

    Raises:
        Refusal: when one is not.
    """
    for data in texts:
        shards = Shards(prepare.ensure(data, cache, _silent))
        if (samples := shards.samples(CONTEXT)) < (needed := steps * BATCH + UNSEEN * QUESTIONS):
            there = f"has {samples:,} sequences of {CONTEXT} bytes, and {steps:,} steps and questions about the unseen take {needed:,}"
            message = f"{data.source}: {there}: take a longer text, or fewer --steps"
            raise Refusal(message)


class Pupil:
    """A model that learns from one text after the other."""

    def __init__(self, mixture: Mapping[str, Any], texts: Sequence[Data], cache: Path, *, steps: int, seed: int) -> None:
        """`mixture` is as in a run file; what it does not say is as in all of these models. Each text is learned from for `steps`."""
        whole = {"count": EXPERTS, "active": ACTIVE, "innerWidth": INNER, **mixture}
        model = {"layers": 1, "width": WIDTH, "heads": 2}
        memory = {"expertsPerSlot": min(8, whole["count"])}
        told = {
            "name": "pupil",
            "trainer": {"kind": "experts", "model": model, "mixture": whole, "memory": memory},
            "phases": [_phase(number, data, steps, seed) for number, data in enumerate(texts)],
            "checkpoint": {"uri": "file:///unused"},
        }
        self._run, self._folders = Run.model_validate(told), [prepare.ensure(data, cache, _silent) for data in texts]
        self.trainer = ExpertsTrainer(self._run, World(), self._folders)
        self.step = 0

    def learn(self, steps: int) -> "Pupil":
        """So many steps more."""
        for at in islice(positions(self._run.phases, self.step), steps):
            if not at.phase_step:
                self.trainer.begin(at.phase_index, at.phase)
            self.trainer.step(at, lambda: False)
        self.step += steps
        return self

    def loss(self, number: int = 0) -> float:
        """Nats a token of that text which it has not seen."""
        shards, phase = Shards(self._folders[number]), self._run.phases[number]
        samples, asked = shards.samples(CONTEXT), UNSEEN * QUESTIONS
        assert samples >= phase.steps * BATCH + asked, "whoever made it has insisted on enough"
        order, losses = Order(samples=samples, seed=phase.data.seed, stream=number), list[float]()
        for some in np.split(order.visited(samples - asked, asked), QUESTIONS):
            tokens_BT = torch.empty((UNSEEN, CONTEXT + 1), dtype=torch.int64)
            shards.read(some, tokens_BT.numpy())
            losses.append(float(self.trainer.mixture.loss(tokens_BT)))
        return sum(losses) / QUESTIONS


def _phase(number: int, data: Data, steps: int, seed: int) -> dict[str, Any]:
    shape = {"contextLength": CONTEXT, "batchSize": BATCH, "learningRate": LEARNING_RATE, "schedule": "constant", "warmupSteps": WARM_UP}
    return {
        "name": str(number),
        "steps": steps,
        **shape,
        "data": data.model_copy(update={"seed": seed}).model_dump(),
    }


def _silent(line: str) -> None:
    del line
