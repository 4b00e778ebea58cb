"""Which questions a worker gets, and who is to answer them: a claim in the ledger, then a decision of the run's policy for each."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tandem_reasoning.coordinator.lane_desk import LaneDesk
from tandem_reasoning.ledger import Books, Claim, Desk, Lease, Reader, State, Sums
from tandem_reasoning.routing import draws
from tandem_reasoning.routing.decision import Decision, Policy
from tandem_reasoning.routing.known import Known, LaneView
from tandem_reasoning.values import Call, Question

_PAGE = 1000
_PURPOSE = "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A question for a worker, who is to answer it, and calls that were made for it before."""

    lease: Lease
    decision: Decision
    recorded: Sequence[Call]


class Handing:
    """Hands questions out."""

    def __init__(
        self,
        desk: Desk,
        sums: Callable[[], Sums],
        reader: Reader,
        lanes: Mapping[str, LaneDesk],
        policy: Policy,
        *,
        broke: Callable[[], bool],
        run_uid: str,
        lease_s: float,
        clock: Callable[[], float],
    ) -> None:
        """Begin.

        Args:
            desk: Where the books are kept.
            sums: What they add up to.
            reader: Looks into them.
            lanes: By name.
            policy: Who decides.
            broke: Whether the money reaches for no call any more: lanes that cost something are not asked then.
            run_uid: Identity of the run.
            lease_s: How long a question is a worker's without a word from it.
            clock: Monotonic seconds.
        """
        self._desk, self._sums, self._reader, self._lanes, self._policy = desk, sums, reader, lanes, policy
        self._run_uid, self._lease_s, self._clock, self._broke = run_uid, lease_s, clock, broke
        self.labelled = _labelled(reader)

    async def claim(self, worker: str, count: int, has: frozenset[str] | None) -> Sequence[Handed]:
        """At most `count` questions; `has` are those that the worker knows of, if an answer may have been lost."""
        leases = await self._desk.ask(Claim(worker=worker, count=count, lease_s=self._lease_s, has=has))
        return [self._handed(lease) for lease in leases]

    def _handed(self, lease: Lease) -> Handed:
        recorded = self._reader.calls_of(lease.hold.item) if lease.attempts > 1 else ()
        return Handed(lease=lease, decision=self._policy.route(self._known(lease.question)), recorded=recorded)

    def _known(self, question: Question) -> Known:
        sums, now = self._sums(), self._clock()
        left = None if sums.cap_nano is None else sums.cap_nano - sums.total.spent_nano - sums.total.reserved_nano
        views = [self._view(desk, sums, now) for desk in self._lanes.values()]
        draw = draws.uniform(self._run_uid, question.id, _PURPOSE)
        return Known(lanes=views, draw=draw, labelled=self.labelled, kind=question.kind, left_nano=left)

    def _view(self, desk: LaneDesk, sums: Sums, now: float) -> LaneView:
        lane, answer_nano = desk.lane, _mean_nano(sums.lanes.get(desk.lane.name, Books()))
        payable = not (self._broke() and (lane.price.input_nano or lane.price.output_nano))
        return LaneView(name=lane.name, kind=lane.kind, ready=payable and desk.ready(now), answer_nano=answer_nano, load=desk.load)


def agreed(detail: Mapping[str, Any]) -> float | None:
    """What an outcome says of whether the lanes gave the same answer; None when only one of them was asked."""
    said = detail.get("agreed")
    return None if said is None else float(said)


def _mean_nano(books: Books) -> int:
    """What a call has cost so far; what an answer costs is not known better before it is there."""
    return (books.spent_nano - books.charged_nano) // books.calls if books.calls else 0


def _labelled(reader: Reader) -> int:
    """How many questions were answered by both lanes, in an earlier life of the coordinator."""
    count = after = 0
    while page := reader.items(after, _PAGE, state=State.DONE):
        count += sum(item.outcome is not None and agreed(json.loads(item.outcome.detail)) is not None for item in page)
        after = page[-1].position
    return count
