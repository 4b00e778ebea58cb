"""What this rank learns from in a step: its share of the global batch, in micro-batches."""

import torch
from torch import Tensor

from tandem_trainer.data.fill_in_the_middle import rearrange
from tandem_trainer.data.order import Order
from tandem_trainer.data.shards import Shards
from tandem_trainer.job import Phase
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal


class Feed:
    """The samples of one phase, for one rank."""

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
        at_once = micro_batch_size * world.size
        if phase.batch_size % at_once:
            message = (
                f"phases.{phase_index}.batchSize: {phase.batch_size} is not a multiple of the {at_once} sequences that "
                f"{world.size} ranks take at once: change batchSize, workers or microBatchSize"
            )
            raise Refusal(message)
        self._shards, self._phase, self._world, self._micro_batch_size = shards, phase, world, micro_batch_size
        self._order = Order(samples=samples, seed=phase.data.seed, stream=phase_index)

    def micro_batches(self, phase_step: int) -> tuple[Tensor, ...]:
        """This rank's share of the step that follows `phase_step` others: tokens, (micro batch size, context + 1) each."""
        batch, data = self._phase.batch_size, self._phase.data
        samples = self._order.share(phase_step, batch=batch, rank=self._world.rank, ranks=self._world.size)
        on_card = self._world.device.type == "cuda"
        tokens = torch.empty((len(samples), self._phase.context_length + 1), dtype=torch.int64, pin_memory=on_card)
        self._shards.read(samples, tokens.numpy())
        rearrange(tokens.numpy(), samples, rate=data.fill_in_the_middle, seed=data.seed, special=self._shards.index.special)
        return tokens.to(self._world.device, non_blocking=True).split(self._micro_batch_size)
