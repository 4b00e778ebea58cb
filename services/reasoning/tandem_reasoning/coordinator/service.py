"""What workers and watchers call: the wire's words in, the rooms' words out."""

# ruff: noqa: N802, ARG002 - methods have the wire's names and arguments

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceServicer
from tandem_rpc import Refused, invalid

from tandem_reasoning.coordinator import telling
from tandem_reasoning.coordinator.handing import Handing
from tandem_reasoning.coordinator.inspections import Inspection, Inspections
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.lessons import Lessons
from tandem_reasoning.coordinator.memory.shared import SharedMemory
from tandem_reasoning.coordinator.permits import Broke, Permits, Wanted
from tandem_reasoning.coordinator.standing import Standing
from tandem_reasoning.ledger import (
    Complete,
    Desk,
    Extend,
    Fail,
    Failed,
    FullError,
    LedgerError,
    Release,
    Stale,
    UnknownItemError,
)
from tandem_reasoning.values import Usage
from tandem_reasoning.wire import hold_of, outcome_of, place_of

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_NOTHING_NOW_S = 0.25  # a lease may run out, or a lane come back, at any moment
_NO_LANE_S = 1.0  # a question that no lane can be asked for is given to nobody for so long
_MOST_CLAIMED = 64
_WATCH_EVERY_S = 0.5
_ITEM, _LANE, _WORKER = "hold.item", "lane", "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the service speaks for."""

    job: Job
    desk: Desk
    handing: Handing
    permits: Permits
    standing: Standing
    lessons: Lessons
    inspections: Inspections
    memory: SharedMemory | None = None


class Reasoning(ReasoningServiceServicer):
    """The coordinator's service."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._completing = set[asyncio.Task[wire.CompleteResponse]]()
        self._unsure: set[str] = set()  # workers that may have been given more than they know of

    async def Begin(self, request: wire.BeginRequest, context: Context) -> wire.BeginResponse:
        """What a worker has to know."""
        return telling.begun(self._rooms.job)

    async def Claim(self, request: wire.ClaimRequest, context: Context) -> wire.ClaimResponse:
        """Questions to work on."""
        if not request.worker:
            raise invalid(_WORKER, "is empty; give the name of the worker, unique in the run")
        if self._rooms.standing.over:
            return wire.ClaimResponse(over=True, again_seconds=_NOTHING_NOW_S)
        has = self._has(request)
        with _told():
            inspections = await self._rooms.inspections.wanted(request.worker)
            if self._rooms.inspections.waited_for:
                return wire.ClaimResponse(inspections=self._inspections(inspections), again_seconds=_NOTHING_NOW_S)
            handed = await self._rooms.handing.claim(request.worker, min(request.count, _MOST_CLAIMED), has)
            able = [each for each in handed if each.decision.lanes]
            for each in handed:
                if not each.decision.lanes:
                    await self._rooms.desk.ask(Release(hold=each.lease.hold, rest_s=_NO_LANE_S))
        leases = [telling.leased(each, self._rooms.job.routing.policy) for each in able]
        again_s = 0.0 if leases else _NOTHING_NOW_S
        return wire.ClaimResponse(leases=leases, inspections=self._inspections(inspections), again_seconds=again_s)

    async def Extend(self, request: wire.ExtendRequest, context: Context) -> wire.ExtendResponse:
        """Keep questions for another while."""
        self._rooms.permits.heard(request.worker)
        holds = tuple(map(hold_of, request.holds))
        with _told():
            lost = await self._rooms.desk.ask(Extend(holds=holds, lease_s=self._rooms.job.lease_seconds))
        return wire.ExtendResponse(lost=[each.item for each in lost])

    async def Release(self, request: wire.ReleaseRequest, context: Context) -> wire.ReleaseResponse:
        """Give questions back."""
        with _told():
            for each in request.holds:
                await self._rooms.desk.ask(Release(hold=hold_of(each), rest_s=request.rest_seconds))
        return wire.ReleaseResponse()

    async def Recall(self, request: wire.RecallRequest, context: Context) -> wire.RecallResponse:
        """What a step is shown of the shared memory; nothing, if the run has none."""
        if self._rooms.memory is None:
            return wire.RecallResponse()
        with _told():
            recalled = await self._rooms.memory.recall(request.hold.item, request.step)
        return wire.RecallResponse(recalled=map(telling.recollected, recalled.records), memory_version=recalled.number)

    async def Permit(self, request: wire.PermitRequest, context: Context) -> wire.PermitResponse:
        """Leave to make a call."""
        self._check(request.lane)
        wanted = Wanted(
            worker=request.worker,
            hold=hold_of(request.hold),
            place=place_of(request.hold.item, request.place),
            key=request.key,
            lane=request.lane,
            most=Usage(input_tokens=request.most_input_tokens, output_tokens=request.most_output_tokens),
            beside=request.beside,
            stamp=request.key_stamp,
        )
        with _told():
            answer = await self._rooms.permits.permit(wanted)
        if isinstance(answer, Broke):
            self._rooms.standing.broke = answer.why
        return telling.permitted(answer)

    async def Settle(self, request: wire.SettleRequest, context: Context) -> wire.SettleResponse:
        """What came of a call."""
        wanted = Wanted(
            worker=request.worker,
            hold=hold_of(request.hold),
            place=place_of(request.hold.item, request.place),
            key=request.key,
            lane=request.lane,
            most=Usage(input_tokens=0, output_tokens=0),
            stamp=request.failed.key_stamp,
        )
        with _told():
            again_s = await self._rooms.permits.settle(
                request.ticket,
                wanted,
                outcome_of(request),
                unused=request.HasField("unused"),
                memory_version=request.answered.memory_version,
            )
        return wire.SettleResponse(again_seconds=again_s)

    async def Complete(self, request: wire.CompleteRequest, context: Context) -> wire.CompleteResponse:
        """The outcome of a question. It is taken in whole, though the worker that told it hangs up meanwhile."""
        completing = asyncio.create_task(self._complete(request))
        self._completing.add(completing)
        completing.add_done_callback(self._completing.discard)
        return await asyncio.shield(completing)

    async def _complete(self, request: wire.CompleteRequest) -> wire.CompleteResponse:
        outcome = telling.outcome_of(request)
        left, memory = None, self._rooms.memory
        with _told():
            if memory is not None:
                left = memory.left(request.hold.item, outcome, strategy=request.strategy, recalled=request.recalled)
                outcome = left.outcome
            memories = left.memories if left else ()
            done = await self._rooms.desk.ask(Complete(hold=hold_of(request.hold), outcome=outcome, memories=memories))
        self._rooms.permits.done(request.hold.item)
        if isinstance(done, Stale):
            return wire.CompleteResponse(stale=True)
        if not done.repeated:
            self._rooms.standing.done(outcome.agreement)
            if memory is not None and left is not None:
                memory.done(left)
            self._rooms.lessons.done(request.hold.item)
        return wire.CompleteResponse()

    async def Fail(self, request: wire.FailRequest, context: Context) -> wire.FailResponse:
        """An attempt that went wrong."""
        with _told():
            said = await self._rooms.desk.ask(Fail(hold=hold_of(request.hold), reason=request.reason))
        self._rooms.permits.done(request.hold.item)
        return wire.FailResponse(for_good=isinstance(said, Failed))

    async def Inspected(self, request: wire.InspectedRequest, context: Context) -> wire.InspectedResponse:
        """What was found out about a server."""
        with _told():
            await self._rooms.inspections.found(request.number, request.findings)
        return wire.InspectedResponse()

    async def Watch(self, request: wire.WatchRequest, context: Context) -> AsyncGenerator[wire.WatchResponse]:
        """How the run stands."""
        before: wire.Status | None = None
        while True:
            status = self._rooms.standing.message()
            if status != before:
                yield wire.WatchResponse(status=status)
                before = status
            await asyncio.sleep(_WATCH_EVERY_S)

    def _has(self, request: wire.ClaimRequest) -> frozenset[str] | None:
        """What the worker knows of, if it may have been given more; whoever says so while nothing is handed out is taken to say it on."""
        self._rooms.permits.heard(request.worker)
        if request.unsure:
            self._rooms.permits.lost(request.worker, request.has)
            self._rooms.inspections.lost(request.worker)
            self._unsure.add(request.worker)
        if request.worker not in self._unsure:
            return None
        if not self._rooms.inspections.waited_for:
            self._unsure.discard(request.worker)
        return frozenset(request.has)

    def _inspections(self, wanted: Sequence[Inspection]) -> Sequence[wire.Inspection]:
        call_s = self._rooms.job.thinking.call_seconds
        return [telling.inspection(each, call_s) for each in wanted]

    def _check(self, lane: str) -> None:
        names = [each.name for each in self._rooms.job.lanes]
        if lane not in names:
            raise invalid(_LANE, f"{lane!r} is no lane of this run; use one of {', '.join(names)}")


@contextmanager
def _told() -> Generator[None]:
    """Says what a ledger refuses in the wire's words."""
    try:
        yield
    except UnknownItemError as error:
        raise invalid(_ITEM, str(error)) from None
    except FullError as error:
        raise Refused(grpc.StatusCode.UNAVAILABLE, f"ledger: {error}; nothing was done, ask again") from None
    except LedgerError as error:
        raise Refused(grpc.StatusCode.FAILED_PRECONDITION, f"ledger: {error}") from None
