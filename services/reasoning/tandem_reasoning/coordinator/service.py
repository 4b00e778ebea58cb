"""What workers and watchers call: the wire's words in, the rooms' words out."""

# ruff: noqa: N802, ARG002 - methods have the wire's names and arguments

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import grpc
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceServicer
from tandem_rpc import Refused, invalid

from tandem_reasoning.coordinator import telling
from tandem_reasoning.coordinator.completing import Completing
from tandem_reasoning.coordinator.granting.affording import Broke
from tandem_reasoning.coordinator.granting.inspections import Inspection, Inspections
from tandem_reasoning.coordinator.granting.permits import Permits, Wanted
from tandem_reasoning.coordinator.handing import Handed, Handing
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.memory.shared import SharedMemory
from tandem_reasoning.coordinator.standing import TELL_EVERY_S, Standing
from tandem_reasoning.ledger import (
    Desk,
    Extend,
    Fail,
    Failed,
    FullError,
    Lease,
    LedgerError,
    Release,
    UnknownItemError,
)
from tandem_reasoning.values import Usage
from tandem_reasoning.wire import hold_of, outcome_of, place_of

_T = TypeVar("_T")
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_NOTHING_NOW_S = 0.25  # a lease may run out, or a lane come back, at any moment
_NO_LANE_S = 1.0  # a question that no lane can be asked for is given to nobody for so long
_MOST_CLAIMED = 64
_ITEM, _LANE, _WORKER = "hold.item", "lane", "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What the service speaks for."""

    job: Job
    desk: Desk
    handing: Handing
    permits: Permits
    standing: Standing
    inspections: Inspections
    completing: Completing
    memory: SharedMemory | None = None


class Reasoning(ReasoningServiceServicer):
    """The coordinator's service."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._working = set[asyncio.Task[Any]]()
        self._unsure: set[str] = set()  # workers that may have been given more than they know of

    async def Begin(self, request: wire.BeginRequest, context: Context) -> wire.BeginResponse:
        """What a worker has to know."""
        return telling.begun(self._rooms.job)

    async def Claim(self, request: wire.ClaimRequest, context: Context) -> wire.ClaimResponse:
        """What questions came to, and others to work on."""
        if not request.worker:
            raise invalid(_WORKER, "is empty; give the name of the worker, unique in the run")
        return await self._whole(self._claim(request))

    async def _claim(self, request: wire.ClaimRequest) -> wire.ClaimResponse:
        rooms, has = self._rooms, self._has(request)
        with _told():
            inspections = () if rooms.standing.over else await rooms.inspections.wanted(request.worker)
            wished = not (rooms.standing.over or rooms.inspections.waited_for)
            wish = [rooms.handing.wish(request.worker, min(request.count, _MOST_CLAIMED), has)] if wished else []
            said, claimed = await rooms.completing.taken(request.completed, *wish)
            able = await self._able(claimed[0] if claimed else ())
        return wire.ClaimResponse(
            leases=[telling.leased(each, rooms.job.routing.policy) for each in able],
            over=rooms.standing.over and not able,
            again_seconds=0.0 if able else _NOTHING_NOW_S,
            inspections=self._inspections(inspections),
            completed=map(telling.completed, said),
        )

    async def _able(self, claimed: Sequence[Lease] | Exception) -> Sequence[Handed]:
        """Questions that some lane can be asked for; the others wait for one, and all of them once the run stops at its budget."""
        if isinstance(claimed, Exception):
            raise claimed
        handed = () if self._rooms.standing.shortage.halts else self._rooms.handing.handed(claimed)
        able = [each for each in handed if each.decision.lanes]
        given = {each.lease.hold for each in able}
        for lease in claimed:
            if lease.hold not in given:
                await self._rooms.desk.ask(Release(hold=lease.hold, rest_s=_NO_LANE_S))
        return able

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
            self._rooms.standing.shortage.refused(request.lane, answer)
        return telling.permitted(answer, halted=self._rooms.standing.shortage.halts)

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
        """The outcome of a question."""
        with _told():
            ((said,), _) = await self._whole(self._rooms.completing.taken([request]))
            if isinstance(said, Exception):
                raise said
        return said

    async def Fail(self, request: wire.FailRequest, context: Context) -> wire.FailResponse:
        """An attempt that went wrong."""
        with _told():
            too_dear = self._rooms.permits.affording.nowhere(request.hold.item)
            said = await self._rooms.desk.ask(Fail(hold=hold_of(request.hold), reason=request.reason, too_dear=too_dear))
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
            await asyncio.sleep(TELL_EVERY_S)

    async def _whole(self, work: Coroutine[Any, Any, _T]) -> _T:
        """What `work` comes to; it goes on to its end, though the worker that told of something hangs up meanwhile."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return await asyncio.shield(task)

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
