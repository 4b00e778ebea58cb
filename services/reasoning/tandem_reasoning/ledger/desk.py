"""Gathers what many ask of a ledger at once into groups, so that they share a transaction and a wait for the disk.

While one group waits for the disk, the next one gathers: nobody waits for company, and the busier it is, the larger the groups.

A group is written in the loop's own thread, and only the wait for the disk is spent in another one. SQLite is called a dozen times for each
claim, some microseconds each, and Python's lock changes hands at each call: with a loop that is busy the other thread would get it back
only when that one lets go, which may take five milliseconds each time (`sys.getswitchinterval`).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from tandem_reasoning.ledger.draft import Job
from tandem_reasoning.ledger.ledger import Ledger

_MOST_JOBS = 128
"""In a group: some five milliseconds, about as much as the disk is waited for; for so long nobody else is heard."""

_T = TypeVar("_T")


class Desk:
    """The one that speaks to a ledger from an event loop; the disk is waited for in a thread of its own."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        """Begin. `clock` gives seconds since 1970."""
        self._ledger, self._clock = ledger, clock
        self._waiting = list[tuple[Job[Any], asyncio.Future[Any]]]()
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._writing: asyncio.Task[None] | None = None

    async def ask(self, job: Job[_T]) -> _T:
        """Do a job, and return once it is durable. It may be done even though its asker was cancelled.

        Raises:
            LedgerError: when it was not done.
        """
        return await self._put(job)

    async def ask_all(self, jobs: Sequence[Job[Any]]) -> Sequence[Any]:
        """Do several jobs in their order, in one group where there is room, and return once all are durable.

        Returns:
            For each what it returned, or the exception that says why it was not done: one that is refused is not in the way of others.
        """
        answers = [self._put(job) for job in jobs]
        if answers:
            await asyncio.wait(answers)
        return [answer.exception() or answer.result() for answer in answers]

    async def close(self) -> None:
        """Finish what was asked. The ledger stays open."""
        while self._writing is not None:
            await asyncio.wait([self._writing])
        self._thread.shutdown()

    def _put(self, job: Job[_T]) -> asyncio.Future[_T]:
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, answer))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return answer

    async def _write(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:_MOST_JOBS], self._waiting[_MOST_JOBS:]
                await self._write_group(group)
        finally:
            self._writing = None

    async def _write_group(self, group: list[tuple[Job[Any], asyncio.Future[Any]]]) -> None:
        outcomes: Sequence[Any]
        try:
            outcomes = await self._kept([job for job, _ in group])
        except Exception as error:  # noqa: BLE001 - told to each who asked
            outcomes = [error] * len(group)
        for (_, answer), outcome in zip(group, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

    async def _kept(self, jobs: Sequence[Job[Any]]) -> Sequence[Any]:
        loop, now = asyncio.get_running_loop(), self._clock()
        try:
            written = self._ledger.write(jobs, now=now)
        except Exception:  # noqa: BLE001 - it was not written; perhaps one job is to blame for all, and they are done one by one
            return await loop.run_in_executor(self._thread, partial(self._ledger.commit, jobs, now=now))
        return await loop.run_in_executor(self._thread, self._ledger.keep, written)
