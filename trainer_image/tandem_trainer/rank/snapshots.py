"""A rank's side of a checkpoint: copy state to shared memory, hand it to the agent, train on."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tandem_trainer.checkpoint.slices import Slice
from tandem_trainer.checkpoint.staging import Staging
from tandem_trainer.link import Link, Released, Save, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is said of a snapshot: steps and tokens done, the loss of the last step, and what is no tensor."""

    step: int
    loss: float
    tokens: int
    extra: Mapping[str, Any]


class Snapshots:
    """Training stands still for one copy in memory; hashing and uploading are the agent's."""

    def __init__(self, link: Link, rank: int, folder: Path | None = None) -> None:
        """`folder` is on the disk that snapshots lie on until they are saved; None where memory holds them."""
        self._link = link
        self._rank = rank
        self._staging = Staging(folder)
        self._asked_after = -1
        self.claim = 0

    def reserve(self, slices: Iterable[Slice]) -> None:
        """Have memory for such a state at hand: its pages are made now, not while the first steps are to be trained."""
        self._staging.reserve(sum(each.data.nbytes for each in slices))

    def busy(self) -> bool:
        """Whether all memory set aside is still being saved."""
        self._hear(timeout_s=0)
        return self._staging.full

    def asked_for(self, kept: int) -> bool:
        """Whether the agent asks for a later state than that of step `kept`, as far as `busy` has heard."""
        return kept <= self._asked_after

    def wait_for_room(self) -> None:
        """Return once a snapshot can be taken."""
        while self.busy():
            self._hear(timeout_s=None)

    def take(self, slices: Iterable[Slice], state: State, *, began_at: float) -> None:
        """Copy `slices` and have them saved; training stands still since `began_at` (perf_counter). There must be room."""
        staged = self._staging.take(slices)
        self._asked_after = -1  # answered, even if it is not as late as was asked: an attempt may have gone on from before that
        assert staged is not None, "no room for a snapshot, though all ranks agreed that there is"
        snapshot = Snapshot(
            rank=self._rank,
            step=state.step,
            claim=self.claim,
            generation=staged.generation,
            bytes=staged.bytes,
            loss=state.loss,
            tokens=state.tokens,
            blocked_seconds=time.perf_counter() - began_at,
            layout=staged.layout,
            extra=state.extra,
        )
        self._link.send(snapshot, staged.fd)

    def _hear(self, timeout_s: float | None) -> None:
        while (received := self._link.receive(timeout_s)) is not None:
            message, _ = received
            match message:
                case Released():
                    self._staging.release(message.generation)
                case Save():
                    self._asked_after = max(self._asked_after, message.after)
                case _:
                    raise AssertionError(message)
            timeout_s = 0
