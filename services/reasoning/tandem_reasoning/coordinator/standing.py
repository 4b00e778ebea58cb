"""How the run stands, for whoever watches: money, lanes, progress, and what keeps it from going on."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import inf

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.coordinator.granting.lane_desk import LaneDesk
from tandem_reasoning.coordinator.granting.shortage import Shortage
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Books, State, Sums

TELL_EVERY_S = 0.5  # to whoever watches, if anything is new
_LATELY = 100  # questions that agreement and speed are of
_TELLING = 10  # answers that tell a speed: the first ones came together


class Standing:
    """Told of each question that is done.

    Attributes:
        shortage: For which lanes the money does not reach.
    """

    def __init__(
        self,
        job: Job,
        sums: Callable[[], Sums],
        lanes: Mapping[str, LaneDesk],
        *,
        sentences: Callable[[str], Sequence[str]],
        memory: Callable[[], wire.MemoryStatus] | None,
        snapshot: Callable[[], wire.Snapshot | None],
        clock: Callable[[], float],
        ends_at: float | None,
    ) -> None:
        """Begin.

        Args:
            job: The run.
            sums: What the books add up to.
            lanes: By name.
            sentences: Tells what was found out about a lane's servers.
            memory: Tells how the run stands with the shared memory; None without one.
            snapshot: Tells which snapshot of the books is the newest.
            clock: Monotonic seconds.
            ends_at: When the run must have ended by `clock`; None when it may take as long as it likes.
        """
        self._job, self._sums, self._lanes, self._clock, self._ends_at = job, sums, lanes, clock, ends_at
        self._sentences, self._memory, self._snapshot = sentences, memory, snapshot
        self._done_at: deque[float] = deque(maxlen=_LATELY)
        self._agreements: deque[float] = deque(maxlen=_LATELY)
        self.shortage = Shortage(job, sums)

    def done(self, agreement: float | None) -> None:
        """A question was answered."""
        self._done_at.append(self._clock())
        if agreement is not None:
            self._agreements.append(agreement)

    @property
    def over(self) -> bool:
        """Whether nothing is handed out any more, now or later."""
        return self._left(self._sums()) == 0 or self.shortage.halts

    @property
    def pressure(self) -> float:
        """Seconds that the rest would take over seconds that are left: more than 1 is late; 0 without a deadline, or answers to go by."""
        eta_s = self._eta_s(self._sums())
        if self._ends_at is None or eta_s is None:
            return 0.0
        left_s = self._ends_at - self._clock()
        return eta_s / left_s if left_s > 0 else inf

    def message(self) -> wire.Status:
        """All of it."""
        sums = self._sums()
        status = wire.Status(
            run_uid=self._job.run_uid,
            total=sum(sums.items.values()),
            done=sums.count(State.DONE),
            failed=sums.count(State.FAILED),
            leased=sums.count(State.LEASED),
            cap_nano=sums.cap_nano,
            spent_nano=sums.total.spent_nano,
            reserved_nano=sums.total.reserved_nano,
            unconfirmed_nano=sums.total.unconfirmed_nano,
            lanes=[self._lane(name, desk, sums) for name, desk in self._lanes.items()],
            agreement=sum(self._agreements) / len(self._agreements) if self._agreements else None,
            eta_seconds=self._eta_s(sums),
            over=self.over,
            memory=self._memory and self._memory(),
            snapshot=self._snapshot(),
        )
        if why := self.shortage.why:
            status.reason, status.message = "BudgetExhausted", why
        return status

    def _lane(self, name: str, desk: LaneDesk, sums: Sums) -> wire.LaneStatus:
        books = sums.lanes.get(name, Books())
        return wire.LaneStatus(
            name=name,
            state=desk.phase,
            problem=desk.problem,
            done=sums.items.get((State.DONE, name), 0),
            calls=books.calls,
            in_flight=desk.in_flight,
            spent_nano=books.spent_nano,
            input_tokens=books.input_tokens,
            output_tokens=books.output_tokens,
            throttled=desk.refused,
            findings=self._sentences(name),
            most_in_flight=desk.most_in_flight,
        )

    def _left(self, sums: Sums) -> int:
        return sums.count(State.READY) + sums.count(State.LEASED)

    def _eta_s(self, sums: Sums) -> float | None:
        since = len(self._done_at) - 1  # the first tells when: before it there were servers to find out about
        if since < _TELLING:
            return None
        return self._left(sums) * (self._clock() - self._done_at[0]) / since
