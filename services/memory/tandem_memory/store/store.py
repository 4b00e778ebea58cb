"""The one durable truth: a log for each namespace, and what is there at its end. What `commit` returned is on disk."""

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tandem.memory.v1.memory_pb2 import Finding

from tandem_memory.backend import (
    CursorError,
    DamagedError,
    DimensionError,
    EmbeddingError,
    StoreFullError,
    StoreUnsureError,
    UnknownNamespaceError,
)
from tandem_memory.rules.remembering import KEPT
from tandem_memory.store import reading
from tandem_memory.store.checking import Comparison, strangers
from tandem_memory.store.disk.environment import FIRST_MAP_BYTES, Environment
from tandem_memory.store.disk.errors import FormatError, NoStoreError
from tandem_memory.store.disk.opening import data_file, locked
from tandem_memory.store.disk.pages import damaged_pages
from tandem_memory.store.disk.redo import check_begun
from tandem_memory.store.disk.room import check_copy, check_room
from tandem_memory.store.disk.snapshot import Snapshot
from tandem_memory.store.disk.tables import Table
from tandem_memory.store.disk.transaction import Transaction
from tandem_memory.store.draft import Draft, Effect
from tandem_memory.store.jobs import Job
from tandem_memory.store.namespace import Namespace, known

LOG = "log"  # the folder of LMDB's files within a store's
_VERSION = b"tandem memory 1"

REFUSALS = (UnknownNamespaceError, DimensionError, EmbeddingError, CursorError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What became of a group of jobs.

    Attributes:
        outcomes: For each job what it returned, or why it was refused.
        effects: What derived indexes must learn, in the order that it happened.
    """

    outcomes: Sequence[Any]
    effects: Sequence[Effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a look at all that is kept has found.

    Attributes:
        findings: What is not as it must be.
        records: For each namespace, by name, the positions of the records that are there, ascending; empty when pages are broken.
    """

    findings: Sequence[Finding]
    records: Mapping[str, npt.NDArray[np.uint64]]


class Store:
    """Namespaces and their logs. Reads come from any thread, commits from one."""

    def __init__(self, folder: Path, *, now: Callable[[], datetime], map_bytes: int = FIRST_MAP_BYTES, kept: timedelta = KEPT) -> None:
        """Open the store in `folder`, or begin it.

        Args:
            folder: Its files are in there, and nobody else's.
            now: The clock. It may go back; what is told of time does not.
            map_bytes: Address space to begin with.
            kept: For how long a log tells that a record was removed or judged, and knows the key of that.

        Raises:
            FormatError: when a later version wrote it.
            InUseError, DamagedError, StoreFullError: when it cannot be opened.
        """
        self._now, self._kept = now, kept
        self._environment = Environment(folder / LOG, map_bytes=map_bytes)
        try:
            self._check_version()
            self._learn()
        except BaseException:
            self._environment.close()
            raise

    @property
    def namespaces(self) -> dict[str, Namespace]:
        """All there are, by name; not to be changed."""
        return self._namespaces

    def namespace(self, name: str) -> Namespace:
        """The namespace.

        Raises:
            UnknownNamespaceError: when there is none.
        """
        return known(self._namespaces, name)

    def head(self, namespace: Namespace) -> int:
        """Position of the last change that is durable."""
        return self._heads[namespace.number].position

    def forgotten(self, namespace: Namespace) -> int:
        """Position of the last change that the log has forgotten; 0 when it knows all."""
        with self.reading() as transaction:
            return reading.forgotten(transaction, namespace)

    def commit(self, jobs: Sequence[Job[Any]]) -> Committed:
        """Do `jobs`, in their order, and return once all that they did is durable.

        Raises:
            StoreFullError: none was done.
            StoreUnsureError: what was not refused was done, and may be gone after a power cut; with a `Committed`.
            StoreUnavailableError: nor was any here; they may be done once a copy is taken that is under way.
        """

        def work(transaction: Transaction) -> tuple[Draft, Sequence[Any]]:
            check_room(
                self._environment.folder,
                transaction,
                takes_bytes=sum(job.weight_bytes for job in jobs),
                leaves_bytes=max((job.leaves_bytes for job in jobs), default=0),
            )
            draft = Draft(transaction, self._namespaces, self._heads, now=self._now(), kept=self._kept)
            return draft, [_attempted(job, draft) for job in jobs]

        try:
            draft, outcomes = self._environment.write(work)
        except StoreUnsureError as error:
            self._learn()
            draft, outcomes = error.done
            raise StoreUnsureError(str(error), Committed(outcomes=outcomes, effects=draft.effects)) from error
        except StoreFullError:
            self._learn()  # a disk that broke off a write may have taken it all the same
            raise
        self._heads, self._namespaces = draft.heads, draft.namespaces  # in this order: who finds a namespace finds its head
        return Committed(outcomes=outcomes, effects=draft.effects)

    @contextmanager
    def reading(self) -> Generator[Transaction]:
        """Read what is durable now, for a moment."""
        with self._environment.reading() as transaction:
            yield transaction

    @contextmanager
    def snapshot(self) -> Generator[Snapshot]:
        """Read what is durable now, for as long as it takes; the file grows meanwhile, for what is removed keeps its place."""
        with self._environment.snapshot() as snapshot:
            yield snapshot

    def copy(self, into: Path) -> int:
        """Write the store as it is now into a folder from which it can be opened; how many records that are.

        Raises:
            StoreFullError: when it does not fit there, or would take what is kept of its own disk for removals.
        """
        into.mkdir(parents=True, exist_ok=True)
        with self.reading() as transaction:
            check_copy(self._environment.folder, into, transaction)
        return self._environment.copy(into / LOG)

    def begin_again(self) -> None:
        """Hear that this is a copy, from which the original has gone on: no cursor that it gave is good here, and no id given again.

        Raises:
            StoreFullError: nothing was changed.
            StoreUnsureError: it was, and may be gone after a power cut.
        """
        now = self._now()

        def work(transaction: Transaction) -> None:
            for name, namespace in reading.namespaces(transaction).items():
                again = namespace.again(reading.head(transaction, namespace).position, now)
                transaction.put(Table.NAMESPACES, name.encode(), again.written())

        try:
            self._environment.write(work)
        finally:
            self._learn()

    def check(self) -> Checked:
        """Compare all that is kept, while others read and write: the pages as they are at one moment, then each namespace at one.

        What is removed meanwhile keeps its place until the moment is let go of, so each is no longer than it must be.

        Raises:
            ReadingLostError: when a moment is lost on the way.
        """
        # Where pages are broken LMDB is not asked for what they hold.
        if broken := self._broken_pages():
            return Checked(findings=broken, records={})
        compared = {name: self._compared(namespace) for name, namespace in tuple(self._namespaces.items())}
        findings = [finding for each in compared.values() for finding in each.findings]
        try:
            with self.reading() as transaction:
                findings += strangers(transaction, reading.namespaces(transaction).values())
        except DamagedError as damage:
            findings.append(Finding(where=damage.where, what=damage.what))
        return Checked(findings=findings, records={name: each.records for name, each in compared.items()})

    def trouble(self) -> str | None:
        """Why nothing more is taken in until somebody mends it, in a line; None while all is well."""
        return self._environment.trouble()

    def close(self) -> None:
        """Let go of the files."""
        self._environment.close()

    def _broken_pages(self) -> Sequence[Finding]:
        with self.snapshot() as snapshot:
            broken = damaged_pages(self._environment.folder)
            if broken:  # what only one look saw was on its way to the disk
                again = damaged_pages(self._environment.folder)
                broken = [finding for finding in broken if finding in again]
            with snapshot.reading():  # or pages were used again meanwhile
                return broken

    def _compared(self, namespace: Namespace) -> Comparison:
        with self.snapshot() as snapshot:
            return Comparison(snapshot, namespace)

    def _check_version(self) -> None:
        with self._environment.reading() as transaction:
            version = transaction.get(Table.FORMAT, b"version")
        if version is None:
            self._environment.write(lambda transaction: transaction.put(Table.FORMAT, b"version", _VERSION))
        elif version != _VERSION:
            msg = f"{self._environment} was written as {version.decode(errors='replace')!r}; this version reads {_VERSION.decode()!r}"
            raise FormatError(msg)

    def _learn(self) -> None:
        with self._environment.reading() as transaction:
            namespaces = reading.namespaces(transaction)
            self._heads = {each.number: reading.head(transaction, each) for each in namespaces.values()}
            self._namespaces = namespaces


def inspect(folder: Path) -> tuple[int, Sequence[Finding]]:
    """Check a store that nobody has open, also one that is too broken to be opened; how many records, and what is wrong.

    Raises:
        NoStoreError: when there is none.
        InUseError: when a process has it open, which can be asked to check.
        StoreFullError: when its folder cannot be opened.
    """
    try:
        check_begun(folder / LOG)
    except DamagedError as error:
        return 0, [Finding(where=str(folder), what=str(error))]
    if data_file(folder / LOG) is None:
        msg = f"{folder} holds no store; give the folder that TANDEM_MEMORY_FOLDER names"
        raise NoStoreError(msg)
    held = locked(folder / LOG)  # or what is on its way to the disk would be taken for damage
    try:
        broken = damaged_pages(folder / LOG)
    finally:
        os.close(held)
    if broken:
        return 0, broken
    try:
        store = Store(folder, now=lambda: datetime.now(UTC))
    except (DamagedError, FormatError) as error:
        return 0, [Finding(where=str(folder), what=str(error))]
    try:
        checked = store.check()
    finally:
        store.close()
    return sum(map(len, checked.records.values())), checked.findings


def _attempted(job: Job[Any], draft: Draft) -> Any:  # noqa: ANN401 - each job has its own answer
    try:
        return job.apply(draft)
    except REFUSALS as refusal:
        return refusal
