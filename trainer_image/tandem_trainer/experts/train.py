"""The experts trainer: a language model most of whose weights are never on the device at the same time."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from tandem_trainer import disk, host_memory
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.data.shards import Shards
from tandem_trainer.device import memory_of
from tandem_trainer.experts import building, fitting
from tandem_trainer.experts.learning.rules import RULES
from tandem_trainer.experts.learning.shared import SharedLearning
from tandem_trainer.experts.lessons import Lessons
from tandem_trainer.experts.sizes import Room, Sizes
from tandem_trainer.experts.state import State
from tandem_trainer.job import Memory, Phase, Run
from tandem_trainer.models.flops import flops_per_token, multiplied_weights
from tandem_trainer.rank.feed import TextFeed
from tandem_trainer.rank.world import World
from tandem_trainer.refusal import Refusal
from tandem_trainer.trainer import Position, StepReport

_NAMED = 10  # experts that a line of the log names


class ExpertsTrainer:
    """A trainer as `trainer.Trainer` describes it, on one rank."""

    def __init__(self, run: Run, world: World, shards: Sequence[Path]) -> None:
        """Build trunk, router and experts. `shards` are the folders of what was prepared, one a phase.

        Raises:
            Refusal: when phases and data do not fit together, there is more than one rank, or neither host nor disk can hold all experts.
        """
        _insist_on_one(world)
        self._run, self._world, told = run, world, run.trainer
        self._feeds = tuple(_opened(run, world, shards))
        self._feeding = self._feeds[0]
        self.sizes, self._room = building.sizes(run), (room := building.room(run))
        there = _disk_of(told.memory)
        _insist_on_room(self.sizes, room, told.memory, there)
        fitting.insist_on_slots(self.sizes, room, memory_of(world.device))
        torch.manual_seed(run.phases[0].data.seed)
        self.mixture, self._rows = building.built(run, self.sizes, room, self._feeding.vocabulary, world.device)
        self._shared = SharedLearning(self.mixture.shared.parameters(), told.optimizer, told.gradient_clip)
        self._state = State(self.mixture, self._rows, self._shared.adamw)
        self._insist_on_rest(there)
        self._rows_are_filled = False
        self._rule, self._done = RULES[told.mixture.learning_rule], 0
        self._rate = told.mixture.rate or self._rule.rate
        self._broken, self._lessons = 0, Lessons(run)
        self.flops_per_token = 0.0

    def begin(self, phase_index: int, phase: Phase) -> None:
        """Change data, context length and batch size; experts that no checkpoint has brought back get their first weights."""
        if not self._rows_are_filled:
            self._rows.begin(self._run.phases[0].data.seed, share=1 / (2 * self._run.trainer.model.layers))
            self._rows_are_filled = True
        self._feeding = self._feeds[phase_index]
        model, asked = self._run.trainer.model, 2 * self.sizes.active * self.sizes.width * self.sizes.inner
        weights = multiplied_weights(self.mixture.shared) + asked
        self.flops_per_token = flops_per_token(weights, layers=model.layers, width=model.width, context=phase.context_length)

    def step(self, at: Position, stop: Callable[[], bool]) -> StepReport:
        """Make one optimizer step: one window, which is never given up half-way.

        Raises:
            Refusal: when too few experts are sound, or none has learned for long.
        """
        del stop
        ((tokens_BT,),) = self._feeding.micro_batches(at.phase_step)
        if not at.step and self._run.trainer.mixture.keys_from_tokens:
            self.mixture.begin_at(tokens_BT)
        taught = self.mixture.learn(tokens_BT, rate=at.learning_rate * self._rate)
        norm = float(self._shared.step(at.learning_rate))
        self._lessons.shared(at.step, finite=math.isfinite(norm))
        broke = _tell(at.step, taught.broken_E, "answered no numbers and are asked no more")
        self._report_unwell(at.step if self._rule.through else at.step - 1)
        if at.step == self._run.total_steps - 1:  # nobody is asked once more, and what comes of this lesson is to be told with it
            self._settle(at.step)
        self._renew(at.step, taught.chosen_NK)
        if broke:
            self._insist_on_sound()
        self._lessons.insist(at)
        self._done = at.step
        tokens = at.phase.batch_size * at.phase.context_length
        return StepReport(
            loss=float(taught.loss),
            tokens=tokens,
            flops=tokens * self.flops_per_token,
            gradient_norm=norm,
            device_memory_bytes=self._device_memory_bytes(tokens),
            broken_experts=self._broken,
            refused_updates=self._lessons.left_out(),
        )

    def slices(self) -> Iterator[Slice]:
        """All state; experts have learned all they had to."""
        self._settle(self._done)
        yield from self._state.slices()

    def restore(self, saved: Reader) -> None:
        """Take state back.

        Raises:
            Refusal: when it has fewer sound experts than a token is sent to.
        """
        self._state.restore(saved)
        self._insist_on_sound()
        self._rows_are_filled = True

    def _insist_on_rest(self, there: fitting.Disk | None) -> None:
        """Make sure that what all share fits beside the experts, too: how large that is, is known once it is made.

        Raises:
            Refusal: with what is needed and what there is.
        """
        shared_bytes = self._state.shared_bytes
        if there is not None:
            fitting.insist_on_rest(self.sizes, shared_bytes, there)
        else:
            beside = 0 if self._world.device.type == "cuda" else shared_bytes + self._room.bytes(self.sizes)
            fitting.insist_on_all(self.sizes, shared_bytes, beside, host_memory.limit(None))

    def _device_memory_bytes(self, tokens: int) -> int:
        """The most that torch has held on the card; on a processor what would lie on a card between two steps, by the formula."""
        peak = self._world.peak_memory_bytes()
        return building.parts(self.mixture, self._room, tokens).held_bytes if peak is None else peak

    def _settle(self, step: int) -> None:
        """Have the experts learn what they still have to."""
        self.mixture.layer.settle()
        self._report_unwell(step)

    def _report_unwell(self, step: int) -> None:
        """Those whose lesson of that step was none; they have it when they are next asked, a step later as a rule."""
        layer = self.mixture.layer
        if (taught := layer.taught) is None:
            return
        refused = _tell(step, layer.unwell_E, "were not changed by errors that are no numbers")
        self._lessons.experts(step, refused=refused, asked=taught if refused else 0)
        layer.unwell_E.zero_()
        layer.taught = None

    def _insist_on_sound(self) -> None:
        """Training on what all share would look as if all was well, and costs what all costs.

        Raises:
            Refusal: when fewer experts are left whose answers are numbers than a token is sent to.
        """
        sound = int(self.mixture.handicap_E.isfinite().sum())
        self._broken = self.sizes.count - sound
        if sound < (1 if self._run.trainer.mixture.renew_every else self.sizes.active):  # of one that is sound others are made anew
            left = f"of {self.sizes.count:,} experts {sound:,} still answer numbers, and a token goes to {self.sizes.active}"
            fix = "lower trainer.experts.mixture.rate or the phase's learningRate, and begin anew"
            message = f"trainer.experts.mixture: {left}: {fix}"
            raise Refusal(message)

    def _renew(self, step: int, chosen_NK: torch.Tensor) -> None:
        every = self._run.trainer.mixture.renew_every
        if every and not (step + 1) % every:
            for heir in self.mixture.renew(chosen_NK):
                print(f"step {step + 1}: expert {heir.child} was made anew from expert {heir.parent}", flush=True)  # noqa: T201  # the log
                self._broken -= 1


def _tell(step: int, marked_E: torch.Tensor, what: str) -> int:
    """Name those that are marked in the log; how many there are."""
    if found := int(marked_E.sum()):
        named = ", ".join(str(expert) for expert in marked_E.nonzero().flatten().tolist()[:_NAMED])
        print(f"step {step + 1}: {found} experts {what}: {named}", flush=True)  # noqa: T201  # the log of a rank
    return found


def _disk_of(told: Memory) -> fitting.Disk | None:
    """The disk that experts are to lie on; None where they lie in memory.

    Raises:
        DiskError: when its folder is not there.
    """
    if told.disk is None or (folder := told.on_disk) is None:
        return None
    space, is_memory = disk.space(folder), disk.is_memory(folder)
    return fitting.Disk(declared=told.disk, size=space.size, free=space.free, folder=str(folder), is_memory=is_memory)


def _insist_on_room(sizes: Sizes, room: Room, told: Memory, there: fitting.Disk | None) -> None:
    """Make sure that all experts fit where they are to lie.

    Raises:
        Refusal: with what is needed and what there is.
    """
    limit = host_memory.limit(told.host)
    if there is None:
        fitting.insist_on_memory(sizes, limit)
    else:
        fitting.insist_on_disk(sizes, room, limit, there)


def _insist_on_one(world: World) -> None:
    if world.size != 1:
        message = f"trainer.experts: {world.size} ranks cannot share one set of experts: set workers 1 and processesPerWorker 1"
        raise Refusal(message)


def _opened(run: Run, world: World, folders: Sequence[Path]) -> Iterator[TextFeed]:
    for index, (folder, phase) in enumerate(zip(folders, run.phases, strict=True)):
        yield TextFeed(Shards(folder), phase, index, phase.batch_size, world)
