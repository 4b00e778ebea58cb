"""Attempts at a run of one rank: a real session, a trainer that counts, and an agent that is played."""

import os
import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from tandem_objects import Store, open_store
from tandem_trainer import link as links
from tandem_trainer import run as loop
from tandem_trainer.checkpoint.commit import commit
from tandem_trainer.checkpoint.reader import Reader
from tandem_trainer.checkpoint.slices import Slice, Want
from tandem_trainer.checkpoint.staging import mapped
from tandem_trainer.job import Job, Phase
from tandem_trainer.rank.session import Session
from tandem_trainer.rank.world import World
from tandem_trainer.tensors import bytes_of
from tandem_trainer.trainer import Position, StepReport

from tests.trainer_image.rank.kept import Moment, keep_part

MICRO_BATCHES = 3


class Agent:
    """The other end of the link: it keeps every snapshot for good, and says when its memory is free again."""

    def __init__(self, link: links.Link, store: Store) -> None:
        self._link, self._store = link, store
        self._held: list[links.Released] = []
        self.holding = False
        self.heard: list[links.Message] = []

    def listen(self) -> None:
        """Take in what there is to hear."""
        while (received := self._link.receive(0)) is not None:
            message, descriptor = received
            self.heard.append(message)
            if isinstance(message, links.Snapshot):
                assert descriptor is not None
                self._keep(message, descriptor)
                self._held.append(links.Released(generation=message.generation))
        if not self.holding:
            self.release()

    def release(self, *, for_good: bool = False) -> None:
        """Say that all memory is free; from now on at once, if it is for good."""
        self.holding = self.holding and not for_good
        for released in self._held:
            self._link.send(released)
        self._held.clear()

    def ask(self, after: int) -> None:
        """Ask for the state of a later step than `after`."""
        self._link.send(links.Save(after=after))

    def _keep(self, told: links.Snapshot, descriptor: int) -> None:
        moment = Moment(claim=told.claim, step=told.step, tokens=told.tokens, extra=told.extra)
        commit(self._store, keep_part(self._store, moment, told.layout, mapped(descriptor, told.bytes)), timeout_s=0)
        os.close(descriptor)

    def kept(self) -> list[int]:
        """The steps whose state was handed over."""
        self.listen()
        return [each.step for each in self.heard if isinstance(each, links.Snapshot)]


class Counting:
    """A trainer whose weights count the steps they have seen. `losses` and `deeds` go by the step's number."""

    def __init__(self, agent: Agent, losses: Callable[[int], float], deeds: dict[tuple[int, int], Callable[[], None]]) -> None:
        self._agent, self._losses, self._deeds = agent, losses, deeds
        self.weights = torch.zeros(5)
        self.begun: list[int] = []
        self.given_up: list[int] = []

    def begin(self, phase_index: int, phase: Phase) -> None:
        del phase
        self.begun.append(phase_index)

    def step(self, at: Position, stop: Callable[[], bool]) -> StepReport | None:
        self._agent.listen()
        for micro_batch in range(MICRO_BATCHES):
            self._deeds.get((at.step, micro_batch), lambda: None)()
            if micro_batch + 1 < MICRO_BATCHES and stop():
                self.given_up.append(at.step)
                return None
        self.weights += 1
        return StepReport(loss=self._losses(at.step), tokens=10, broken_experts=at.step, refused_updates=at.step)

    def slices(self) -> Iterable[Slice]:
        yield Slice(tensor="weights", shape=(5,), dtype="float32", start=0, count=5, data=bytes_of(self.weights))

    def restore(self, saved: Reader) -> None:
        saved.check("weights", (5,), "float32")
        saved.fill([Want(tensor="weights", start=0, out=bytes_of(self.weights))])


class Place:
    """Attempts of one run, one behind the other, in one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = open_store((folder / "kept").as_uri(), {})
        self.attempts = 0
        self.losses: Callable[[int], float] = lambda _: 1.0
        self.deeds: dict[tuple[int, int], Callable[[], None]] = {}
        self.agent: Agent
        self.trainer: Counting
        self.code = -1

    def train(self, phases: tuple[int, ...] = (6,), *, every: int = 100, **spec: Any) -> None:
        """Make one attempt at phases of so many steps."""
        self.attempts += 1
        ours, theirs = links.pair()
        link = links.Link(socket.socket(fileno=theirs))
        self.agent = Agent(ours, self.store)
        self.trainer = Counting(self.agent, self.losses, self.deeds)
        try:
            self.code = loop.train(self.trainer, Session(self._job(phases, every, spec), World(), link))
        finally:
            self.agent.listen()  # it outlives the rank

    def hold(self, step: int) -> None:
        """The agent says nothing of free memory from that step on."""
        self.deeds[step, 0] = lambda: setattr(self.agent, "holding", True)

    def files(self, kind: str) -> list[Path]:
        return sorted(each for each in (self.folder / "kept" / kind).rglob("*") if each.is_file())

    def _job(self, phases: tuple[int, ...], every: int, spec: dict[str, Any]) -> Job:
        run = {
            "name": "test",
            "uid": "u",
            "trainer": {"kind": "script"},
            "phases": [{"name": f"phase-{index}", "steps": steps} for index, steps in enumerate(phases)],
            "checkpoint": {"uri": self.store.uri, "everySteps": every},
            **spec,
        }
        place = {"workers": 1, "ranks_per_worker": 1, "worker_rank": 0, "rendezvous": "127.0.0.1:1"}
        return Job.model_validate({"run": run, "attempt": self.attempts, **place, "scratch": self.folder, "cache": self.folder})


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
