"""Takes snapshots of a ledger while its coordinator writes, and the last one when it has ended."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from tandem.reasoning.v1.reasoning_pb2 import Snapshot, Status
from tandem_objects import ObjectError

from tandem_reasoning.coordinator.keeping.cadence import Cadence, Mark
from tandem_reasoning.coordinator.keeping.shelf import Manifest, Shelf, sha256
from tandem_reasoning.coordinator.standing import TELL_EVERY_S
from tandem_reasoning.ledger import LedgerError, ReplacedError
from tandem_reasoning.ledger.opening import copied

LOOK_S = 0.5
_HEARD_S = 2 * TELL_EVERY_S
_AGAIN_S = 5.0  # after one that failed; the store has tried for a while by itself
_log = logging.getLogger(__name__)


class Snapshots:
    """Of one ledger, by one coordinator.

    Attributes:
        newest: The last one that is whole of this very ledger, whoever took it; None before the first.
        taken: How many, by this coordinator.
        problem: Why the last one was not; empty when it was.
    """

    def __init__(self, shelf: Shelf, term: int, ledger: Path, *, run: str, cadence: Cadence, since: Manifest | None = None) -> None:
        """Begin.

        Args:
            shelf: Where they go.
            term: Of this coordinator.
            ledger: The file.
            run: The run's uid.
            cadence: How often.
            since: The snapshot that an earlier coordinator took last of this very ledger; None when one is due as soon as there is
                anything to take it of. Whatever was spent after it would be lost with this disk, in however many lives it was spent.
        """
        self._shelf, self._term, self._ledger, self._run, self._cadence = shelf, term, ledger, run, cadence
        self._at_a_time = threading.Lock()  # one that nobody waits for any more goes on in its thread
        self._turn = asyncio.Lock()  # who comes later sees what the one before took
        self._heard_at = -inf
        self._tried = 0
        self._last, self._took_s = _seen(since), 0.0
        self.taken, self.problem = 0, ""
        self.newest = None if since is None else _told(since, shelf.address(since))

    async def keep(self, status: Callable[[], Status]) -> None:
        """Take them as they are due, for as long as nobody else has the run.

        Raises:
            ReplacedError: when a later coordinator has begun.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            async with self._turn:
                told = status()
                failed = self._due(told) and not await asyncio.to_thread(self.take, told)
            if failed:
                await asyncio.sleep(_AGAIN_S)

    async def rest(self, status: Callable[[], Status]) -> None:
        """Take what is in none yet, and return when whoever watches has heard of the newest: nobody hears of the last one any more.

        Raises:
            ReplacedError: when a later coordinator has begun.
        """
        async with self._turn:
            told = status()
            if not self.problem and _mark(told).moved(self._last):
                await asyncio.to_thread(self.take, told)
        await asyncio.sleep(max(0.0, self._heard_at - time.monotonic()))

    def take(self, status: Status, *, ended: bool = False) -> bool:
        """Take one now; whether that went well.

        Args:
            status: How the run stands.
            ended: Whether nobody will write to the ledger any more.

        Raises:
            ReplacedError: when a later coordinator has begun.
        """
        now = _mark(status)
        try:
            with self._at_a_time:
                self._put(status, ended=ended)
        except ReplacedError:
            raise
        except (ObjectError, LedgerError, OSError) as error:
            self._failed(str(error))
            return False
        self._last, self._took_s = now, time.monotonic() - now.at
        return True

    def _due(self, told: Status) -> bool:
        """By the cadence; and as soon as all that was handed out is told of, while there is still somebody to hear of it."""
        if told.over and not told.leased and not told.reserved_nano:
            return _mark(told).moved(self._last)
        cap_nano = told.cap_nano if told.HasField("cap_nano") else None
        return self._cadence.due(_mark(told), self._last, cap_nano=cap_nano, took_s=self._took_s)

    def _put(self, status: Status, *, ended: bool) -> None:
        """By way of a copy, always of the same name: one that a killed coordinator left is written over.

        Its number is used up by trying: of a snapshot that was told as failed nobody knows whether it is there.
        """
        self._tried += 1
        copy = self._ledger.with_name(f"{self._ledger.name}.snapshot")
        try:
            copied(self._ledger, copy)
            manifest = self._manifest(status, copy, ended=ended)
            self._shelf.put(copy, manifest)
            self.newest, self._heard_at = _told(manifest, self._shelf.address(manifest)), time.monotonic() + _HEARD_S
            self.taken, self.problem = self.taken + 1, ""
        finally:
            copy.unlink(missing_ok=True)

    def _manifest(self, status: Status, copy: Path, *, ended: bool) -> Manifest:
        return Manifest(
            term=self._term,
            number=self._tried,
            run=self._run,
            bytes=copy.stat().st_size,
            sha256=sha256(copy),
            at=time.time(),
            answered=status.done,
            spent_nano=status.spent_nano,
            reserved_nano=status.reserved_nano,
            ended=ended,
        )

    def _failed(self, problem: str) -> None:
        if problem != self.problem:  # said once, not every few seconds
            _log.warning("no snapshot of run %s: %s; what is done now would be lost with this disk", self._run, problem)
        self.problem = problem


def _told(manifest: Manifest, uri: str) -> Snapshot:
    told = Snapshot(answered=manifest.answered, uri=uri)
    told.at.FromNanoseconds(int(manifest.at * 1e9))
    return told


def _mark(status: Status) -> Mark:
    return Mark(
        at=time.monotonic(),
        answered=status.done + status.failed,
        spent_nano=status.spent_nano + status.reserved_nano,
        calls=sum(lane.calls for lane in status.lanes),
    )


def _seen(manifest: Manifest | None) -> Mark:
    """How far a run had come at a snapshot. It does not tell how many calls there were, and so there is always something to take one of."""
    if manifest is None:
        return Mark(at=-inf, answered=0, spent_nano=0, calls=0)
    age_s = max(0.0, time.time() - manifest.at)
    spent_nano = manifest.spent_nano + manifest.reserved_nano
    return Mark(at=time.monotonic() - age_s, answered=manifest.answered, spent_nano=spent_nano, calls=0)
