"""The agent's side of a checkpoint: keep safe what the ranks left in shared memory, then commit it.

Each rank's snapshots are saved in order by a thread of their own; one more thread commits, so that waiting for the parts
of other agents never holds up saving. Results come back to the agent's own thread as values, in `finished`.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from tandem_objects import ObjectError, Store

from tandem_trainer.checkpoint import staging
from tandem_trainer.checkpoint.commit import Committed, commit
from tandem_trainer.checkpoint.errors import CheckpointError, Contested, Fenced
from tandem_trainer.checkpoint.manifest import Part
from tandem_trainer.checkpoint.manifest import PartInfo as Info
from tandem_trainer.checkpoint.retention import sweep
from tandem_trainer.checkpoint.writer import save_part
from tandem_trainer.job import Job
from tandem_trainer.link import Snapshot

_PARTS_WITHIN_S = 45.0
_PARTS_WITHIN = 0.4  # of the grace period, if that is longer: what the ranks leave of a long one


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A rank's part is safe, or is not and `problem` says why; its memory is free again."""

    snapshot: Snapshot
    problem: str = ""
    fenced: bool = False
    contested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A checkpoint is complete, or is not and `problem` says why."""

    snapshot: Snapshot
    committed: Committed | None = None
    seconds: float = 0.0
    problem: str = ""
    fenced: bool = False
    contested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What came up while old checkpoints were swept; it harms nothing."""

    warnings: tuple[str, ...]


class Uploads:
    """Threads that save and commit; `finished` is called from them with every result."""

    def __init__(self, job: Job, store: Store, finished: Callable[[Saved | Kept | Swept], None]) -> None:
        self._job, self._store, self._finished = job, store, finished
        self._savers: dict[int, ThreadPoolExecutor] = {}
        self._committer = ThreadPoolExecutor(1, "commit")
        self._previous: dict[int, Part] = {}
        self.distrusted: tuple[str, ...] = ()

    def save(self, snapshot: Snapshot, descriptor: int) -> None:
        """Take over a snapshot; returns at once."""
        saver = self._savers.setdefault(snapshot.rank, ThreadPoolExecutor(1, f"save-{snapshot.rank}"))
        part = saver.submit(self._save, snapshot, descriptor)
        if snapshot.rank == 0:
            self._committer.submit(self._commit, snapshot, part, time.monotonic())

    def drain(self) -> None:
        """Return when everything taken over is safe, or known not to be."""
        for pool in (*self._savers.values(), self._committer):
            pool.shutdown(wait=True)

    def _save(self, snapshot: Snapshot, descriptor: int) -> Part | None:
        try:
            part = self._saved(snapshot, descriptor)
        except Exception as error:  # noqa: BLE001  # whatever it is must be heard, not die with its thread
            self._finished(Saved(snapshot=snapshot, **_problem(error)))
            return None
        self._finished(Saved(snapshot=snapshot))
        return part

    def _saved(self, snapshot: Snapshot, descriptor: int) -> Part:
        try:
            memory = staging.mapped(descriptor, snapshot.bytes)
        finally:
            os.close(descriptor)
        with memory:
            part = save_part(self._store, self._info(snapshot), snapshot.layout, memory, previous=self._previous.get(snapshot.rank))
        self._previous[snapshot.rank] = part
        return part

    def _commit(self, snapshot: Snapshot, saving: Future[Part | None], taken_at: float) -> None:
        part = saving.result()
        if part is None:
            return
        try:
            committed = commit(self._store, part, timeout_s=max(_PARTS_WITHIN_S, _PARTS_WITHIN * self._job.grace_s))
        except Exception as error:  # noqa: BLE001  # whatever it is must be heard, not die with its thread
            self._finished(Kept(snapshot=snapshot, **_problem(error)))
            return
        self._finished(Kept(snapshot=snapshot, committed=committed, seconds=time.monotonic() - taken_at))
        self._finished(Swept(warnings=self._sweep(snapshot)))

    def _sweep(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Let go of what need not be kept. That this fails harms nothing: the next commit tries again."""
        wanted = self._job.run.checkpoint
        try:
            swept = sweep(
                self._store,
                current_claim=snapshot.claim,
                keep_last=wanted.keep_last,
                keep_best=wanted.keep_best,
                distrusted=self.distrusted,
                final=snapshot.step == self._job.run.total_steps,
            )
        except Exception as error:  # noqa: BLE001  # as above
            return (f"old checkpoints stay for now: {_line(error)}",)
        return tuple(str(skipped) for skipped in swept.skipped)

    def _info(self, snapshot: Snapshot) -> Info:
        return Info(
            run=self._job.run.name,
            uid=self._job.run.uid,
            attempt=self._job.attempt,
            claim=snapshot.claim,
            step=snapshot.step,
            rank=snapshot.rank,
            world_size=self._job.world_size,
            at=datetime.now(UTC),
            loss=snapshot.loss,
            tokens=snapshot.tokens,
            extra=snapshot.extra,
        )


class _Problem(TypedDict):
    problem: str
    fenced: bool
    contested: bool


def _problem(error: Exception) -> _Problem:
    return _Problem(problem=_line(error), fenced=isinstance(error, Fenced), contested=isinstance(error, Contested))


def _line(error: Exception) -> str:
    """Our own errors are one line already; a stranger's gets its name."""
    return str(error) if isinstance(error, CheckpointError | ObjectError) else f"{type(error).__name__}: {error}"
