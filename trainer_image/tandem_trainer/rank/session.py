"""Everything around a training step: where to go on, when to stop, what to keep, what to say.

A session is the same for all trainers, a user's own script included. Decisions that all ranks must share (stop, save,
skip a save because memory is still being uploaded) are taken from agreed answers only, so no rank waits for another
that decided differently.
"""

import math
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch

from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.device import matmul_flops_per_second
from tandem_trainer.job import Job
from tandem_trainer.link import Link, Resumed, Stepped
from tandem_trainer.rank.cadence import Cadence
from tandem_trainer.rank.resume import resume
from tandem_trainer.rank.schedule import positions
from tandem_trainer.rank.snapshots import Snapshots, State
from tandem_trainer.rank.world import Agreement, Wish, World
from tandem_trainer.refusal import Refusal
from tandem_trainer.stability.spikes import LOST_AFTER, Spikes
from tandem_trainer.trainer import Position, StepReport

_SMOOTHING = 0.9  # of tokens a second, as people like to read it


Slices = Callable[[], Iterable[Slice]]
Extra = Callable[[], Mapping[str, Any]]


class Session:
    """One attempt, seen from one rank."""

    def __init__(self, job: Job, world: World, link: Link) -> None:
        self._job, self._world, self._link = job, world, link
        self._agreement = Agreement(world)
        self._cadence = Cadence(job.run.checkpoint)
        self._snapshots = Snapshots(link, world.rank, job.run.trainer.memory.on_disk)
        self._spikes = Spikes(window=job.run.spikes.window, sigmas=job.run.spikes.sigmas)
        self._asked_to_stop = self._owed = False
        self._first = self._kept = self._tokens = self._refused = 0
        self._tokens_per_second = 0.0
        self._flops_per_second: float | None = None
        self._began_at = 0.0
        self._loss = float("nan")
        self.left_early = False
        signal.signal(signal.SIGTERM, self._on_sigterm)  # from here on SIGTERM is answered with a checkpoint

    def resume(self, environ: Mapping[str, str], restore: Callable[[Reader], None], slices: Slices) -> None:
        """Take the newest checkpoint that can be read, on all ranks the same."""
        resumed = resume(self._job, environ, self._agreement, restore)
        self._first = self._kept = resumed.step
        self._tokens = resumed.tokens
        self._snapshots.claim = resumed.claim
        self._snapshots.reserve(slices())
        if self._world.rank == 0:
            self._link.send(Resumed(step=resumed.step, passed_over=resumed.passed_over))

    def positions(self) -> Iterator[Position]:
        """The steps that are left, until the last one or until somebody wishes to stop."""
        for at in positions(self._job.run.phases, self._first):
            self._began_at = time.monotonic()
            self._agreement.ask(self._wish())
            yield at
            if self.left_early:
                return

    def stop(self) -> bool:
        """The collective that trainers call between micro-batches: does anybody wish to stop?"""
        stop = self._agreement.answer().stop
        self._agreement.ask(self._wish())
        return stop

    def gave_up(self, at: Position, slices: Slices) -> None:
        """The step `at` was given up half-way because of `stop`: keep the state of the last whole one, and leave."""
        self.left_early = True
        if math.isfinite(self._loss):
            self._keep_for_certain(at.step, slices)

    def stepped(self, at: Position, report: StepReport, slices: Slices, extra: Extra | None = None) -> None:
        """The step `at` is done: say so, judge its loss, keep its state when that is due.

        Raises:
            Refusal: when the loss calls for a safety stop; the checkpoint before stays the newest.
        """
        agreed = self._agreement.answer()
        done = at.step + 1
        spike = self._spikes.spike(report.loss)  # counted before it is told, else one in the last step never is
        self._say(at, report)
        self._judge(done, report.loss, spike=spike)
        self.left_early = agreed.stop and done < self._job.run.total_steps
        if not math.isfinite(report.loss):
            return  # whatever is wrong with the weights, the checkpoint before is better
        self._owed = self._owed or self._cadence.due(done, late=agreed.checkpoint)
        if agreed.stop or at.phase_step + 1 == at.phase.steps:
            self._keep_for_certain(done, slices, extra)
        elif self._owed and not agreed.busy:
            self._keep(done, slices, extra)

    def mean(self, value: float) -> float:
        """The mean of what each rank measured; waits for them."""
        return self._agreement.mean(value)

    def _say(self, at: Position, report: StepReport) -> None:
        seconds = time.monotonic() - self._began_at
        rate = report.tokens / seconds
        self._tokens_per_second = _SMOOTHING * self._tokens_per_second + (1 - _SMOOTHING) * rate if self._tokens_per_second else rate
        self._tokens += report.tokens
        self._refused += report.refused_updates
        self._loss = report.loss
        if self._world.rank != 0:
            return  # losses are equal on all ranks: one voice is enough
        told = Stepped(
            step=at.step + 1,
            phase=at.phase.name,
            loss=report.loss,
            tokens=self._tokens,
            tokens_per_second=self._tokens_per_second,
            learning_rate=at.learning_rate,
            seconds=seconds,
            gradient_norm=report.gradient_norm,
            utilization=report.flops and report.flops / seconds / self._reachable(),
            spikes=0 if self._job.run.spikes.action == "Ignore" else self._spikes.seen,
            device_memory_bytes=report.device_memory_bytes or self._world.peak_memory_bytes(),
            broken_experts=report.broken_experts,
            refused_updates=self._refused,
        )
        self._link.send(told)

    def _reachable(self) -> float:
        """Operations a second that all ranks together could reach, going by what this one's device was measured to."""
        if self._flops_per_second is None:
            dtype = torch.bfloat16 if self._job.run.trainer.precision == "bf16" else torch.float32
            with self._world.not_counted():
                self._flops_per_second = matmul_flops_per_second(self._world.device, dtype)
        return self._flops_per_second * self._world.size

    def _judge(self, done: int, loss: float, *, spike: bool) -> None:
        if spike and self._job.run.spikes.action == "Stop":
            message = f"loss {loss:.4g} at step {done} is a spike: stopped before it is kept; look at the data, or lower learningRate"
            raise Refusal(message)
        lost = self._spikes.not_finite_in_a_row >= LOST_AFTER
        if lost or (done == self._job.run.total_steps and not math.isfinite(loss)):
            since = done - self._spikes.not_finite_in_a_row + 1
            message = f"loss is {loss} since step {since}: lower learningRate, or train in fp32; the checkpoint before is kept"
            raise Refusal(message)

    def _keep_for_certain(self, done: int, slices: Slices, extra: Extra | None = None) -> None:
        if done > self._kept:
            began_at = time.perf_counter()
            self._snapshots.wait_for_room()
            self._keep(done, slices, extra, began_at=began_at)

    def _keep(self, done: int, slices: Slices, extra: Extra | None, *, began_at: float | None = None) -> None:
        state = State(step=done, loss=self._loss, tokens=self._tokens, extra=extra() if extra else {})
        self._snapshots.take(slices(), state, began_at=began_at or time.perf_counter())
        self._cadence.taken()
        self._kept, self._owed = done, False

    def _wish(self) -> Wish:
        busy = self._snapshots.busy()  # hears what the agent asks for
        due = self._cadence.late() or self._snapshots.asked_for(self._kept)
        return Wish(stop=self._asked_to_stop, checkpoint=self._world.rank == 0 and due, busy=busy)

    def _on_sigterm(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True
