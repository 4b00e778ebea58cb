"""Takes in what questions came to: into the books, then to all who learn from it; one outcome is never in the way of another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.coordinator import telling
from tandem_reasoning.coordinator.granting.permits import Permits
from tandem_reasoning.coordinator.lessons import Lessons
from tandem_reasoning.coordinator.memory.shared import Left, SharedMemory
from tandem_reasoning.coordinator.standing import Standing
from tandem_reasoning.ledger import Complete, Completed, DamagedError, Desk, FullError, Job, LedgerError, Outcome, Stale
from tandem_reasoning.wire import hold_of

Said = wire.CompleteResponse | Exception
"""What came of an outcome, or why it is refused for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """An outcome as it goes into the books, and what it leaves to the shared memory."""

    job: Complete
    left: Left | None

    @property
    def outcome(self) -> Outcome:
        return self.job.outcome

    @property
    def item(self) -> str:
        return self.job.hold.item


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing:
    """Where outcomes go."""

    desk: Desk
    permits: Permits
    standing: Standing
    lessons: Lessons
    memory: SharedMemory | None

    async def taken(self, requests: Sequence[wire.CompleteRequest], *also: Job[Any]) -> tuple[Sequence[Said], Sequence[Any]]:
        """Take outcomes in, and do `also` after them: together, so that they wait for the disk once.

        Returns:
            What came of each outcome; and of each other job what it returned, or the exception that says why it was refused.

        Raises:
            FullError, DamagedError: when something was not done that may be once it is asked for again.
        """
        told = [self._read(each) for each in requests]
        done = await self.desk.ask_all([*(each.job for each in told if isinstance(each, _Told)), *also])
        for each in done:
            if isinstance(each, FullError | DamagedError):
                raise each
        answers = iter(done)
        said = [self._done(each, next(answers)) if isinstance(each, _Told) else each for each in told]
        return said, tuple(answers)

    def _read(self, request: wire.CompleteRequest) -> _Told | Exception:
        hold = hold_of(request.hold)
        try:
            outcome = telling.outcome_of(request)
            if self.memory is None:
                return _Told(job=Complete(hold=hold, outcome=outcome), left=None)
            left = self.memory.left(hold.item, outcome, strategy=request.strategy, recalled=request.recalled)
        except (LedgerError, ValueError) as error:
            return error
        return _Told(job=Complete(hold=hold, outcome=left.outcome, memories=left.memories), left=left)

    def _done(self, told: _Told, said: Completed | Stale | Exception) -> Said:
        if isinstance(said, Exception):
            return said
        self.permits.done(told.item)
        if isinstance(said, Stale):
            return wire.CompleteResponse(stale=True)
        if not said.repeated:
            self.standing.done(told.outcome.agreement)
            if self.memory is not None and told.left is not None:
                self.memory.done(told.left)
            self.lessons.done(told.item, told.outcome.detail)
        return wire.CompleteResponse()
