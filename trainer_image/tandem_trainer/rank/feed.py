"""What this rank learns from in a step: its share of the global batch, in micro-batches."""
# capitals in the names of tensors are their shapes

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tandem_trainer.data.conversations.windows import Windows
from tandem_trainer.data.fill_in_the_middle import rearrange
from tandem_trainer.data.order import Order
from tandem_trainer.data.shards import Shards
from tandem_trainer.job import Phase
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal

MicroBatch = tuple[Tensor, ...]
"""What the model is called with."""


class Feed(Protocol):
    """What a phase is made of, for one rank.

    Attributes:
        vocabulary: Tokens that a model must know.
        digest: Equal where the same is learned.
    """

    vocabulary: int
    digest: str

    def micro_batches(self, phase_step: int) -> tuple[MicroBatch, ...]:
        """This rank's share of the step that follows `phase_step` others."""
        ...


class Batches:
    """Which samples each step of a phase takes, and which of them this rank."""

    def __init__(self, samples: int, phase: Phase, phase_index: int, micro_batch_size: int, world: World) -> None:
        """Look whether it can be done.

        Raises:
            Refusal: when the ranks cannot share a batch evenly.
        """
        at_once = micro_batch_size * world.size
        if phase.batch_size % at_once:
            message = (
                f"phases.{phase_index}.batchSize: {phase.batch_size} is not a multiple of the {at_once} sequences that "
                f"{world.size} ranks take at once: change batchSize, workers or microBatchSize"
            )
            raise Refusal(message)
        self._batch_size, self._world = phase.batch_size, world
        self.micro_batch_size = micro_batch_size
        self._order = Order(samples=samples, seed=phase.data.seed, stream=phase_index)

    def share(self, phase_step: int) -> NDArray[np.int64]:
        """Samples that this rank takes in the step that follows `phase_step` others."""
        return self._order.share(phase_step, batch=self._batch_size, rank=self._world.rank, ranks=self._world.size)

    def whole(self, phase_step: int) -> NDArray[np.int64]:
        """Samples that all ranks take together."""
        return self._order.share(phase_step, batch=self._batch_size, rank=0, ranks=1)


class TextFeed:
    """Text: micro-batches of tokens, (micro batch size, context + 1)."""

    def __init__(self, shards: Shards, phase: Phase, phase_index: int, micro_batch_size: int, world: World) -> None:
        """Look, but read nothing yet.

        Raises:
            Refusal: when there is less than one sample, or the ranks cannot share a batch evenly.
        """
        samples = shards.samples(phase.context_length)
        if not samples:
            message = (
                f"phases.{phase_index}.contextLength: {phase.context_length} is more than the "
                f"{shards.index.tokens} tokens of {shards.index.source}: shorten it, or add data"
            )
            raise Refusal(message)
        self._shards, self._phase, self._device = shards, phase, world.device
        self._batches = Batches(samples, phase, phase_index, micro_batch_size, world)
        self.vocabulary, self.digest = shards.index.vocabulary, shards.index.digest

    def micro_batches(self, phase_step: int) -> tuple[MicroBatch, ...]:
        """This rank's share of the step that follows `phase_step` others."""
        data, samples = self._phase.data, self._batches.share(phase_step)
        tokens = torch.empty((len(samples), self._phase.context_length + 1), dtype=torch.int64, pin_memory=self._device.type == "cuda")
        self._shards.read(samples, tokens.numpy())
        rearrange(tokens.numpy(), samples, rate=data.fill_in_the_middle, seed=data.seed, special=self._shards.index.special)
        return _split((tokens,), self._device, self._batches.micro_batch_size)


class ConversationFeed:
    """Conversations: micro-batches of tokens, places and weights, (micro batch size, context) each.

    The weights of a step are such that the mean over all micro-batches of all ranks is the mean over the answers' tokens of the
    whole batch, however they are spread: what a step learns does not depend on the number of ranks.
    """

    def __init__(self, windows: Windows, phase: Phase, phase_index: int, micro_batch_size: int, world: World) -> None:
        """Look, but read nothing yet.

        Raises:
            Refusal: when the ranks cannot share a batch evenly.
        """
        self._windows, self._device = windows, world.device
        self._batches = Batches(windows.index.windows, phase, phase_index, micro_batch_size, world)
        self._parts = phase.batch_size // micro_batch_size
        self.vocabulary, self.digest = windows.index.vocabulary, windows.index.digest

    def micro_batches(self, phase_step: int) -> tuple[MicroBatch, ...]:
        """This rank's share of the step that follows `phase_step` others."""
        tokens_BT, places_BT, answers_BT = self._windows.read(self._batches.share(phase_step))
        weight = self._parts / self._windows.answers(self._batches.whole(phase_step))
        told = (torch.from_numpy(tokens_BT), torch.from_numpy(places_BT), torch.from_numpy(answers_BT).float() * weight)
        return _split(told, self._device, self._batches.micro_batch_size)


def _split(whole: MicroBatch, device: torch.device, size: int) -> tuple[MicroBatch, ...]:
    return tuple(zip(*(each.to(device, non_blocking=True).split(size) for each in whole), strict=True))
