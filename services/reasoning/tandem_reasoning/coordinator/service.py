"""What workers and watchers call: the wire's words in, the rooms' words out."""

# ruff: noqa: N802, ARG002 - methods have the wire's names and arguments

import asyncio
import json
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceServicer
from tandem_rpc import Refused, invalid

from tandem_reasoning.coordinator.handing import Handed, Handing, agreed
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.lane_desk import Put, Shut
from tandem_reasoning.coordinator.memory.found import Found
from tandem_reasoning.coordinator.memory.shared import SharedMemory
from tandem_reasoning.coordinator.permits import Answer, Broke, Go, NoHedge, Permits, Tired, Wanted
from tandem_reasoning.coordinator.standing import Standing
from tandem_reasoning.ledger import (
    Complete,
    Decision,
    Desk,
    Extend,
    Fail,
    Failed,
    FullError,
    LedgerError,
    Outcome,
    Recorded,
    Release,
    Stale,
    UnknownItemError,
)
from tandem_reasoning.routing.decision import Decision as Routed
from tandem_reasoning.routing.replay.choice import written
from tandem_reasoning.values import Call, Usage
from tandem_reasoning.wire import hold, hold_of, outcome_of, place_of, route

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
    memory: SharedMemory | None = None


class Reasoning(ReasoningServiceServicer):
    """The coordinator's service."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._decisions: dict[str, Routed] = {}  # of the questions that are being worked on

    async def Begin(self, request: wire.BeginRequest, context: Context) -> wire.BeginResponse:
        """What a worker has to know."""
        job, thinking = self._rooms.job, self._rooms.job.thinking
        return wire.BeginResponse(
            run_uid=job.run_uid,
            experts=[wire.Expert(name=each.name, role=each.role) for each in job.experts],
            lanes=[
                wire.Lane(name=each.name, model=each.model, key_variable=each.key_variable, key_file=each.key_file) for each in job.lanes
            ],
            thinking=wire.Thinking(
                max_steps=thinking.max_steps,
                margin=thinking.margin,
                max_tokens=thinking.max_tokens,
                temperature=thinking.temperature,
                call_seconds=thinking.call_seconds,
                bare=thinking.bare,
                adaptive=thinking.adaptive,
            ),
            lease_seconds=job.lease_seconds,
        )

    async def Claim(self, request: wire.ClaimRequest, context: Context) -> wire.ClaimResponse:
        """Questions to work on."""
        if not request.worker:
            raise invalid(_WORKER, "is empty; give the name of the worker, unique in the run")
        if self._rooms.standing.over:
            return wire.ClaimResponse(over=True)
        has = frozenset(request.has) if request.unsure else None
        self._rooms.permits.heard(request.worker)
        if has is not None:
            self._rooms.permits.lost(request.worker, has)
        with _told():
            handed = await self._rooms.handing.claim(request.worker, min(request.count, _MOST_CLAIMED), has)
            able = [each for each in handed if each.decision.lanes]
            for each in handed:
                if not each.decision.lanes:
                    await self._rooms.desk.ask(Release(hold=each.lease.hold, rest_s=_NO_LANE_S))
        for each in able:
            self._decisions[each.lease.hold.item] = each.decision
        leases = [_lease(each, self._rooms.job.routing.policy) for each in able]
        return wire.ClaimResponse(leases=leases, again_seconds=0.0 if leases else _NOTHING_NOW_S)

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
        return wire.RecallResponse(recalled=map(_recollection, recalled.records), memory_version=recalled.number)

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
        return _permitted(answer)

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
        routed = self._decisions.get(request.hold.item)
        agreement = request.agreement if request.HasField("agreement") else None
        outcome = Outcome(
            answer=request.answer,
            lane=request.lane,
            agreement=agreement,
            decision=routed and self._decision(routed),
            detail=request.detail or "{}",
        )
        left, memory = None, self._rooms.memory
        with _told():
            if memory is not None:
                left = memory.left(request.hold.item, outcome, strategy=request.strategy, recalled=request.recalled)
                outcome = left.outcome
            memories = left.memories if left else ()
            done = await self._rooms.desk.ask(Complete(hold=hold_of(request.hold), outcome=outcome, memories=memories))
        self._over(request.hold.item)
        if isinstance(done, Stale):
            return wire.CompleteResponse(stale=True)
        if not done.repeated:
            self._rooms.standing.done(agreement)
            if memory is not None and left is not None:
                memory.done(left)
            self._rooms.handing.labelled += agreed(json.loads(outcome.detail)) is not None
        return wire.CompleteResponse()

    async def Fail(self, request: wire.FailRequest, context: Context) -> wire.FailResponse:
        """An attempt that went wrong."""
        with _told():
            said = await self._rooms.desk.ask(Fail(hold=hold_of(request.hold), reason=request.reason))
        self._over(request.hold.item)
        return wire.FailResponse(for_good=isinstance(said, Failed))

    async def Watch(self, request: wire.WatchRequest, context: Context) -> AsyncGenerator[wire.WatchResponse]:
        """How the run stands."""
        before: wire.Status | None = None
        while True:
            status = self._rooms.standing.message()
            if status != before:
                yield wire.WatchResponse(status=status)
                before = status
            await asyncio.sleep(_WATCH_EVERY_S)

    def _check(self, lane: str) -> None:
        names = [each.name for each in self._rooms.job.lanes]
        if lane not in names:
            raise invalid(_LANE, f"{lane!r} is no lane of this run; use one of {', '.join(names)}")

    def _over(self, item: str) -> None:
        self._decisions.pop(item, None)
        self._rooms.permits.done(item)

    def _decision(self, routed: Routed) -> Decision:
        return Decision(policy=self._rooms.job.routing.policy, choice=written(routed), propensity=routed.propensity)


def _lease(handed: Handed, policy: str) -> wire.Lease:
    lease = handed.lease
    return wire.Lease(
        hold=hold(lease.hold),
        question=lease.question.text,
        kind=lease.question.kind,
        attempts=lease.attempts,
        route=route(handed.decision, policy),
        recorded=_recorded(handed.recorded),
    )


def _recollection(found: Found) -> wire.Recollection:
    return wire.Recollection(id=found.id, question=found.question, answer=found.answer, strategy=found.strategy, source=found.source)


def _recorded(calls: Sequence[Call]) -> Sequence[wire.Recorded]:
    return [wire.Recorded(key=call.key, lane=call.lane, answer=call.answer) for call in calls]


def _permitted(answer: Answer) -> wire.PermitResponse:
    match answer:
        case Go():
            return wire.PermitResponse(
                go=wire.Go(
                    ticket=answer.ticket,
                    url=answer.url,
                    wait_seconds=answer.wait_s,
                    hedge_after_seconds=answer.hedge_after_s,
                    lane=answer.lane,
                )
            )
        case Recorded():
            return wire.PermitResponse(recorded=_recorded([answer.call])[0])
        case Put():
            return wire.PermitResponse(wait=wire.Wait(seconds=answer.wait_s, why=answer.why))
        case _:
            refusal, why = _refusal(answer)
            return wire.PermitResponse(no=wire.No(refusal=refusal, why=why))


def _refusal(answer: Shut | Stale | Broke | Tired | NoHedge) -> "tuple[wire.Refusal.ValueType, str]":
    match answer:
        case Shut():
            return wire.REFUSAL_LANE, answer.why
        case Stale():
            return wire.REFUSAL_STALE, f"{answer.item} is somebody else's by now"
        case Broke():
            return wire.REFUSAL_BUDGET, answer.why
        case Tired():
            return wire.REFUSAL_TRIES, answer.why
        case NoHedge():
            return wire.REFUSAL_NO_HEDGE, ""


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
