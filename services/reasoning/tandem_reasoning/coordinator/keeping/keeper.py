"""What a coordinator does around its life so that the run outlives its disk: restore before it, snapshots during it, a report after it."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tandem.reasoning.v1.reasoning_pb2 import Snapshot, Status
from tandem_objects import InvalidAddress, ObjectError, open_store

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.keeping.cadence import Cadence
from tandem_reasoning.coordinator.keeping.restoring import restored
from tandem_reasoning.coordinator.keeping.shelf import Shelf
from tandem_reasoning.coordinator.keeping.snapshots import LOOK_S, Snapshots
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.ledger import FullError, LedgerError, ReplacedError
from tandem_reasoning.ledger.opening import locked

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps a run."""

    def __init__(self, settings: Settings, job: Job, shelf: Shelf | None, snapshots: Snapshots | None) -> None:
        self._settings, self._job, self._shelf, self._snapshots = settings, job, shelf, snapshots
        self._status: Callable[[], Status] | None = None
        self._reported: tuple[int, ...] = ()
        self._at_a_time = threading.Lock()  # a report that nobody waits for any more goes on in its thread
        self._tasks: list[asyncio.Task[None]] = []
        self._lost: ReplacedError | None = None

    def begin(self, status: Callable[[], Status], stop: asyncio.Event) -> None:
        """Keep a run that is under way; `stop` is set when somebody else has taken it over."""
        self._status = status
        if self._snapshots is not None:
            self._tasks.append(asyncio.create_task(self._keep(self._snapshots, status, stop)))
        if self._settings.report is not None:
            self._tasks.append(asyncio.create_task(self._report_when_over(status)))

    def snapshot(self) -> Snapshot | None:
        """The newest snapshot that is whole; None before the first, and where none are taken."""
        return None if self._snapshots is None else self._snapshots.newest

    async def rest(self) -> None:
        """While whoever watches still hears of it: a snapshot of what is in none yet. Who has the run by then is found out at the end."""
        if self._snapshots is not None and self._status is not None:
            with suppress(ReplacedError):
                await self._snapshots.rest(self._status)

    async def end(self) -> None:
        """The last snapshot and the report, when the ledger is closed.

        Raises:
            ReplacedError: when somebody else has the run by now; then neither is written.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lost is not None:
            raise self._lost
        if self._status is None:
            return
        status = self._status()
        if self._snapshots is not None:
            await asyncio.to_thread(self._snapshots.take, status, ended=True)
        await self._report(status)

    async def _keep(self, snapshots: Snapshots, status: Callable[[], Status], stop: asyncio.Event) -> None:
        try:
            await snapshots.keep(status)
        except ReplacedError as error:
            self._lost = error
            stop.set()

    async def _report_when_over(self, status: Callable[[], Status]) -> None:
        while not status().over:  # noqa: ASYNC110 - time alone may end a run, and nobody tells
            await asyncio.sleep(LOOK_S)
        await self._report(status())

    async def _report(self, status: Status) -> None:
        """Write the report, unless the one that is there says the same."""
        now = (status.done, status.failed, status.spent_nano)
        if self._settings.report is None:
            return
        try:
            await asyncio.to_thread(self._written, self._settings.report, now)
        except (LedgerError, ObjectError, OSError) as error:
            _log.warning("no report of run %s in %s: %s", self._job.name, self._settings.report, error)

    def _written(self, folder: Path, now: tuple[int, ...]) -> None:
        from tandem_reasoning.report.writing import FILES, write  # numpy and matplotlib: a run without a report needs neither

        with self._at_a_time:
            if now == self._reported:
                return
            write(self._settings.ledger, folder, job=self._job, now=datetime.now(UTC))
            if self._shelf is not None:
                for name in FILES:
                    self._shelf.put_file(f"report/{name}", (folder / name).read_bytes())
            self._reported = now  # here, since whoever waited may have been cancelled meanwhile


@asynccontextmanager
async def keeping(settings: Settings, job: Job, now: Callable[[], float]) -> AsyncGenerator[Keeper]:
    """Keep a run; its ledger is where the settings say when this begins, if it was ever there.

    Raises:
        InvalidAddress: when the store's address can never work.
        LedgerError: when the store cannot be used, no snapshot is whole, or another coordinator has taken over.
    """
    shelf = snapshots = None
    if settings.snapshots:
        os.close(locked(settings.ledger))  # who finds the run in use must not fence off whoever has it
        try:
            shelf = Shelf(open_store(settings.snapshots, os.environ), job.run_uid)
            term = await asyncio.to_thread(shelf.claim)
            stands = await asyncio.to_thread(restored, shelf, term, settings.ledger, run=job.run_uid, cap_nano=job.cap_nano, now=now())
            since = await asyncio.to_thread(shelf.newest) if stands is None else None
        except InvalidAddress:
            raise
        except ObjectError as error:
            msg = f"snapshots: {error}"
            raise FullError(msg) from error
        cadence = Cadence(every_s=settings.snapshot_seconds, every_questions=settings.snapshot_questions)
        snapshots = Snapshots(shelf, term, settings.ledger, run=job.run_uid, cadence=cadence, since=since)
        if stands is not None:  # else this disk, if it is lost at once, is booked for together with the one before: one stretch for two
            await asyncio.to_thread(snapshots.take, stands)
    keeper = Keeper(settings, job, shelf, snapshots)
    try:
        yield keeper
    finally:
        await keeper.end()
