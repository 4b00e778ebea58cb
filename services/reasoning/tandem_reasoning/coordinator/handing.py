"""Which questions a worker gets, and who is to answer them: a claim for the ledger, then a decision of the run's policy for each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from tandem_reasoning.coordinator.granting.lane_desk import LaneDesk
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.ledger import Books, Claim, Lease, Reader, State, Sums
from tandem_reasoning.routing import draws
from tandem_reasoning.routing.decision import Decision
from tandem_reasoning.routing.known import Known, Labels, LaneView, Neighbour
from tandem_reasoning.routing.learner import Learner
from tandem_reasoning.values import Call, Question

_PURPOSE = "route"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A question for a worker.

    Attributes:
        lease: The question, and by what right the worker has it.
        decision: Who is to answer it.
        near: Questions alike that the decision rests on.
        recorded: Calls that were made for it before.
        spread: How far answers of the first lane's experts to such questions scatter; None as long as that is not known.
    """

    lease: Lease
    decision: Decision
    near: Sequence[Neighbour]
    recorded: Sequence[Call]
    spread: float | None


class Handing:
    """Hands questions out."""

    def __init__(
        self,
        job: Job,
        sums: Callable[[], Sums],
        reader: Reader,
        lanes: Mapping[str, LaneDesk],
        learner: Learner,
        *,
        kinds: tuple[int, ...],
        unpayable: Callable[[str], Collection[str]],
        pressure: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        """Begin.

        Args:
            job: The run.
            sums: What the books add up to.
            reader: Looks into them.
            lanes: By name.
            learner: Knows who is to be asked, by all that the run has learned.
            kinds: How many questions each class has.
            unpayable: Lanes for which the money does not reach with an item: they are not asked.
            pressure: Seconds that the rest would take over seconds that are left, as in `Known`.
            clock: Monotonic seconds.
        """
        self._job, self._sums, self._reader, self._lanes, self._learner = job, sums, reader, lanes, learner
        self._kinds, self._unpayable, self._pressure, self._clock = kinds, unpayable, pressure, clock
        self._comparing = dict[str, str]()  # classes of items that both lanes are being asked

    def wish(self, worker: str, count: int, has: frozenset[str] | None) -> Claim:
        """For at most `count` questions; `has` are those that the worker knows of, if an answer may have been lost."""
        return Claim(worker=worker, count=count, lease_s=self._job.lease_seconds, has=has)

    def handed(self, leases: Sequence[Lease]) -> Sequence[Handed]:
        """What a wish came to, with a decision for each: by how the lanes and the money stand now, once for all of them."""
        sums, now, pressure = self._sums(), self._clock(), self._pressure()
        views = [self._view(desk, sums, now) for desk in self._lanes.values()]
        self._comparing = {item: kind for item, kind in self._comparing.items() if self._under_way(item)}
        return [self._handed(lease, views, sums, pressure) for lease in leases]

    def _handed(self, lease: Lease, views: Sequence[LaneView], sums: Sums, pressure: float) -> Handed:
        recorded = self._reader.calls_of(lease.hold.item) if lease.hold.fence > 1 else ()
        self._comparing.pop(lease.hold.item, None)
        known = self._known(lease.question, _without(views, self._unpayable(lease.hold.item)), sums, pressure)
        decision = self._learner.policy.route(known)
        spread = self._learner.spread(decision.lanes[0], lease.question.kind) if decision.lanes else None
        if decision.compare:
            self._comparing[lease.hold.item] = lease.question.kind
        near = () if decision.p is None else known.neighbours
        return Handed(lease=lease, decision=decision, near=near, recorded=recorded, spread=spread)

    def _known(self, question: Question, views: Sequence[LaneView], sums: Sums, pressure: float) -> Known:
        paced = self._job.paced_nano
        left = None if paced is None else sums.left_nano(paced)
        draw = draws.uniform(self._job.run_uid, question.id, _PURPOSE)
        return Known(
            lanes=views,
            draw=draw,
            neighbours=self._learner.near(question.text),
            labels=Labels(there=self._learner.labelled, coming=len(self._comparing)),
            kind=question.kind,
            labels_of_kind=Labels(
                there=self._learner.labelled_of(question.kind), coming=sum(kind == question.kind for kind in self._comparing.values())
            ),
            kinds=self._kinds,
            left_nano=left,
            pressure=pressure,
        )

    def _under_way(self, item: str) -> bool:
        found = self._reader.item(item)
        return found is not None and found.state is State.LEASED

    def _view(self, desk: LaneDesk, sums: Sums, now: float) -> LaneView:
        lane, answer_nano = desk.lane, sums.lanes.get(desk.lane.name, Books()).call_nano
        return LaneView(name=lane.name, kind=lane.kind, ready=desk.ready(now), answer_nano=answer_nano, load=desk.load)


def _without(views: Sequence[LaneView], names: Collection[str]) -> Sequence[LaneView]:
    return [replace(each, payable=each.name not in names) for each in views] if names else views
