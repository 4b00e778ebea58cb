"""Gathers what many ask of a ledger at once into groups, so that they share a transaction and a wait for the disk.

While one group is being written, the next one gathers: nobody waits for company, and the busier it is, the larger the groups.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tandem_reasoning.ledger.draft import Job
from tandem_reasoning.ledger.ledger import Ledger

_MOST_JOBS = 256
"""In a group: about as much as the disk is waited for, so that a short job does not wait long behind many."""

_T = TypeVar("_T")


class Desk:
    """The one that speaks to a ledger from an event loop; commits are done in a thread of its own."""

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
        jobs = [job for job, _ in group]
        outcomes: Sequence[Any]
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, jobs)
        except Exception as error:  # noqa: BLE001 - told to each who asked
            outcomes = [error] * len(group)
        for (_, answer), outcome in zip(group, outcomes, strict=True):
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

    def _commit(self, jobs: Sequence[Job[Any]]) -> Sequence[Any]:
        return self._ledger.commit(jobs, now=self._clock())
