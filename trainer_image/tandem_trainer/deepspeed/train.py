"""The DeepSpeed trainer: language-model training with ZeRO, whose steps depend on their number alone."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
import torch.distributed as dist

from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.data import draws
from tandem_trainer.data.conversations.windows import Windows
from tandem_trainer.data.shards import Shards
from tandem_trainer.deepspeed import engine as engines
from tandem_trainer.deepspeed.state import State
from tandem_trainer.job import Phase, Run
from tandem_trainer.models.build import build
from tandem_trainer.rank.feed import ConversationFeed, Feed, TextFeed
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from tandem_trainer.trainer import Position, StepReport


class DeepSpeedTrainer:
    """A trainer as `trainer.Trainer` describes it."""

    def __init__(self, run: Run, world: World, shards: Sequence[Path]) -> None:
        """Build model and engine; the ranks have met already. `shards` are the folders of what was prepared, one a phase.

        Raises:
            Refusal: when phases, data and ranks do not fit together, or the model cannot be had.
        """
        self._run, self._world = run, world
        self._feeds = tuple(self._opened(shards))
        self._feeding = self._feeds[0]
        self._model = build(run.trainer, _vocabulary(run, self._feeds), run.phases[0].data.seed)
        self._engine, self._adamw = engines.start(self._model.module, run.trainer, run.phases[0].batch_size, world.device)
        self._state = State(self._engine, self._adamw, world)
        self._restored = self._given_up = False
        self.parameters = self._model.parameters
        self.flops_per_token = 0.0
        self.data_digest = ""

    def begin(self, phase_index: int, phase: Phase) -> None:
        """Change data, context length and batch size; the engine and its state stay."""
        self._feeding = self._feeds[phase_index]
        self._engine.set_train_batch_size(phase.batch_size)
        self.flops_per_token = self._model.flops_per_token(phase.context_length)
        self.data_digest = self._feeding.digest
        self._agree_on_data(phase_index)

    def step(self, at: Position, stop: Callable[[], bool]) -> StepReport | None:
        """Make one optimizer step. After a step that was given up, no other may follow: gradients of it lie about."""
        assert not self._given_up, "a step was given up: what it had added up would spoil the next"
        self._get_ready(at)
        micro_batches = self._feeding.micro_batches(at.phase_step)
        loss = torch.zeros((), device=self._world.device)
        for left, micro_batch in zip(range(len(micro_batches) - 1, -1, -1), micro_batches, strict=True):
            self._engine.set_gradient_accumulation_boundary(left == 0)
            micro_loss = self._engine(*micro_batch)
            self._engine.backward(micro_loss)
            loss += micro_loss.detach()
            if left and stop():
                self._given_up = True
                return None
        loss /= len(micro_batches) * self._world.size
        adding_up = dist.all_reduce(loss, async_op=True)
        self._engine.step()
        assert adding_up is not None
        adding_up.wait()
        tokens = at.phase.batch_size * at.phase.context_length
        return StepReport(
            loss=float(loss),
            tokens=tokens,
            flops=tokens * self.flops_per_token,
            gradient_norm=float(self._engine.get_global_grad_norm()),
        )

    def slices(self) -> Iterator[Slice]:
        """This rank's part of the state."""
        return self._state.slices()

    def restore(self, saved: Reader) -> None:
        """Take state back. Nothing here waits for other ranks: one may fail to read what another could."""
        self._state.restore(saved)
        self._restored = True

    def _get_ready(self, at: Position) -> None:
        if self._restored:
            engines.refresh_weights(self._engine)
            self._restored = False
        if (
            self._run.trainer.model.hugging_face or self._run.trainer.model.pretrained
        ):  # it may have dropout, whose draws must not depend on what went before
            torch.manual_seed(draws.key(at.phase.data.seed, at.step, self._world.rank))
        self._adamw.set_learning_rate(at.learning_rate)

    def _opened(self, folders: Sequence[Path]) -> Iterator[Feed]:
        size, opened = self._run.trainer.micro_batch_size, {}
        for index, (folder, phase) in enumerate(zip(folders, self._run.phases, strict=True)):
            if self._run.trainer.model.pretrained is not None:
                windows = opened[folder] = opened.get(folder) or Windows(folder)
                yield ConversationFeed(windows, phase, index, size, self._world)
            else:
                shards = opened[folder] = opened.get(folder) or Shards(folder)
                yield TextFeed(shards, phase, index, size, self._world)

    def _agree_on_data(self, phase_index: int) -> None:
        """Stop if machines prepared different data: each would train on its own, and no restart could repeat it."""
        digest = int(self.data_digest[:15], 16)  # 60 bits fit a signed number
        extremes = torch.tensor([digest, -digest])
        dist.all_reduce(extremes, op=dist.ReduceOp.MAX)
        if extremes[0] != -extremes[1]:
            source = self._run.phases[phase_index].data.source
            message = f"phases.{phase_index}.data.source: {source} holds different files on different machines: make them the same"
            raise Refusal(message)


def _vocabulary(run: Run, feeds: Sequence[Feed]) -> int:
    sizes = [each.vocabulary for each in feeds]
    if run.trainer.model.pretrained is not None:
        return max(sizes)
    for index, size in enumerate(sizes):
        if size != sizes[0]:
            message = (
                f"phases.{index}.data.tokenizer: {run.phases[index].data.tokenizer} has a vocabulary of {size}, "
                f"that of phase {run.phases[0].name} has {sizes[0]}: use one tokenizer for all phases"
            )
            raise Refusal(message)
    return sizes[0]
