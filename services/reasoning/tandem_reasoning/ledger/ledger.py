"""The one durable truth of a DualRun: what `commit` returned is on disk, and each job was done once, in full and in its turn."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tandem_reasoning.ledger.backfill import Backfill
from tandem_reasoning.ledger.checking import findings
from tandem_reasoning.ledger.draft import Draft, Job
from tandem_reasoning.ledger.errors import ChangedQuestionError, TicketError, UnknownItemError
from tandem_reasoning.ledger.jobs.money import SetCap
from tandem_reasoning.ledger.lapse import lapse
from tandem_reasoning.ledger.opening import copied, in_our_words, locked, opened
from tandem_reasoning.ledger.reading import Reader
from tandem_reasoning.ledger.sums import added_up
from tandem_reasoning.ledger.values import Sums

_REFUSALS = (ChangedQuestionError, TicketError, UnknownItemError)
_CANNOT_BE_KEPT = (TypeError, ValueError, OverflowError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.DataError)
"""What SQLite says to a job that holds something it does not take, such as half a character in an id or a number beyond 64 bits."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Jobs that are done and not yet durable: what each returned or why it was refused, and the ledger as it will be."""

    outcomes: Sequence[Any]
    draft: Draft


class Ledger:
    """Items, leases, calls and money of one run. One call at a time, from whichever thread; `sums` and `reader` at any time."""

    def __init__(self, path: Path, *, run: str, cap_nano: int | None, max_attempts: int = 4) -> None:
        """Open the ledger of a run, or begin it.

        Args:
            path: The file; SQLite puts two beside it, and we a lock. It must be on a disk of this machine.
            run: The run's uid.
            cap_nano: Most that may be spent, from now on; None is no limit.
            max_attempts: How often an item is tried before it has failed.

        Raises:
            InUseError, OtherRunError, FormatError, DamagedError, FullError: when it is not to be opened.
        """
        self._path, self._max_attempts = path, max_attempts
        self._seen: float | None = None
        with ExitStack() as stack:
            stack.callback(os.close, locked(path))
            self._connection = stack.enter_context(closing(opened(path, run)))
            with in_our_words(path):
                self._backfill = stack.enter_context(closing(Backfill(path)))
                (self._age,) = self._connection.execute("SELECT age FROM run").fetchone()
                self._sums = added_up(self._connection)
            self.keep(self._written([SetCap(cap_nano=cap_nano)], now=0.0, age=self._age))
            self._held = stack.pop_all()

    def __repr__(self) -> str:
        return f"Ledger({str(self._path)!r})"

    @property
    def sums(self) -> Sums:
        """What all that is durable adds up to: money, calls and tokens by lane, items by state."""
        return self._sums

    def commit(self, jobs: Sequence[Job[Any]], *, now: float) -> Sequence[Any]:
        """Do `jobs`, in their order, and return once all that they did is durable: one transaction, one wait for the disk.

        A job that is refused, or holds what cannot be kept, does nothing and harms no other.

        Args:
            jobs: What is to be done.
            now: Seconds since 1970. The clock may go back: a lease lasts as long as it was given for all the same. Time in which
                nothing could be committed, as on a full disk, is no time for leases: nobody could extend one.

        Returns:
            For each job what it returned, or the exception that says why it was refused.

        Raises:
            FullError, DamagedError: none was done.
        """
        age = self._age_at(now)
        self._seen = now
        return self._apart(jobs, now, age)

    def write(self, jobs: Sequence[Job[Any]], *, now: float) -> Written:
        """Do `jobs` as `commit` does, as far as that takes no disk; nothing counts before `keep`, which must follow.

        Raises:
            FullError, DamagedError, and what a job that cannot be kept brings up: none was done, and `commit` tells them apart.
        """
        written = self._written(jobs, now, self._age_at(now))
        self._seen = now
        return written

    def keep(self, written: Written) -> Sequence[Any]:
        """Make durable what was written, which is one wait for the disk; from whichever thread.

        Raises:
            FullError, DamagedError: none was done.
        """
        with in_our_words(self._path):
            try:
                self._connection.execute("COMMIT")
            except BaseException:
                self._rolled_back()
                raise
            self._sums, self._age = written.draft.sums(), written.draft.age
            self._backfill.committed(self._connection)
        return written.outcomes

    def do(self, job: Job[_T], *, now: float) -> _T:
        """Do one job, and return once it is durable.

        Raises:
            LedgerError: when it was not done.
        """
        (outcome,) = self.commit([job], now=now)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def reader(self) -> Reader:
        """A look at what is durable, which never holds commits up; close it."""
        return Reader(self._path)

    def snapshot(self, into: Path) -> None:
        """Write all that is durable now to a file from which a ledger can be opened; from any thread, while commits go on.

        Raises:
            FullError: when it does not fit there.
        """
        copied(self._path, into)

    def check(self) -> tuple[str, ...]:
        """What is wrong, one line each; nothing, if all is well."""
        with in_our_words(self._path):
            wrong = tuple(findings(self._connection))
            truth = added_up(self._connection)
        return wrong if truth == self._sums else (*wrong, f"the sums say {self._sums}, the tables {truth}")

    def close(self) -> None:
        """Let go of the file; a second time is no harm."""
        self._held.close()

    def _age_at(self, now: float) -> float:
        return self._age + (0.0 if self._seen is None else max(0.0, now - self._seen))

    def _apart(self, jobs: Sequence[Job[Any]], now: float, age: float) -> Sequence[Any]:
        """Do jobs together or, when one of them cannot be kept, each for itself, so that only that one is refused."""
        try:
            return self.keep(self._written(jobs, now, age))
        except _CANNOT_BE_KEPT as error:
            if len(jobs) == 1:
                return [error]
            return [outcome for job in jobs for outcome in self._apart([job], now, age)]

    def _written(self, jobs: Sequence[Job[Any]], now: float, age: float) -> Written:
        connection = self._connection
        draft = Draft(connection, self._sums, age=age, now=now, max_attempts=self._max_attempts)
        with in_our_words(self._path):
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = connection.total_changes
                lapse(draft)
                outcomes = [_attempted(job, draft) for job in jobs]
                if connection.total_changes != before:  # else nothing is written, and no disk waited for
                    connection.execute("UPDATE run SET age = ?", (age,))
            except BaseException:
                self._rolled_back()
                raise
        return Written(outcomes=outcomes, draft=draft)

    def _rolled_back(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.execute("ROLLBACK")


def _attempted(job: Job[Any], draft: Draft) -> Any:  # noqa: ANN401 - each job has its own answer
    try:
        return job.apply(draft)
    except _REFUSALS as refusal:
        return refusal
