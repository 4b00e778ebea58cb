"""What the loop asks of a trainer: make a step, name your state, take it back. All trainers keep to these three verbs.

The loop owns time (phases, cadence, signals, checkpoints, reports); a trainer owns mathematics and its own data.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.job import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in the run a step stands. A step's data and learning rate follow from it alone, so it is all that resume needs.

    Attributes:
        step: Optimizer steps done before this one, since the beginning of the run.
        phase: The entry of spec.phases it belongs to.
        phase_index: Which entry that is.
        phase_step: Optimizer steps done before this one in the phase.
        learning_rate: Learning rate of the step.
    """

    step: int
    phase: Phase
    phase_index: int
    phase_step: int
    learning_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What one optimizer step measured. `loss` is the mean over the global batch, equal on all ranks; nats a token.

    `flops` are the operations that the model needed, over all ranks, recomputation not counted; None where nobody knows.
    `device_memory_bytes` is what a trainer counted by itself; None leaves it to what torch has held on the card.
    `broken_experts` is how many answer no numbers after the step, and are asked no more; None where a model has none to break.
    `refused_updates` is how many weights, of one expert or of what all share, stayed as they were, since their errors were no numbers.
    """

    loss: float
    tokens: int
    flops: float | None = None
    gradient_norm: float | None = None
    device_memory_bytes: int | None = None
    broken_experts: int | None = None
    refused_updates: int = 0


class Trainer(Protocol):
    """A way to train. One object in every rank."""

    def begin(self, phase_index: int, phase: Phase) -> None:
        """Get ready for steps of `phase`: its data, its context length. Called before its first step, and on resume."""
        ...

    def step(self, at: Position, stop: Callable[[], bool]) -> StepReport | None:
        """Make one optimizer step.

        `stop` is a collective: every rank calls it after each micro-batch but the last, and all get the same answer. On
        True the step is given up: state stays that of the last whole step, and None is returned.
        """
        ...

    def slices(self) -> Iterable[Slice]:
        """This rank's part of all state, without gaps or overlaps between ranks. Valid until the next step."""
        ...

    def restore(self, saved: Reader) -> None:
        """Take state back: whatever this rank needs of `saved`, wherever it lies there.

        Raises:
            CheckpointError: as `Reader.check` and `Reader.fill` do. State may then be anything, until it is restored again.
        """
        ...
