"""What the coordinator's rooms say, in the wire's words."""

import json
from collections.abc import Sequence

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.coordinator.granting.affording import Broke, Dear
from tandem_reasoning.coordinator.granting.inspections import Inspection
from tandem_reasoning.coordinator.granting.lane_desk import Put, Shut
from tandem_reasoning.coordinator.granting.permits import Answer, Go, NoHedge, Tired
from tandem_reasoning.coordinator.handing import Handed
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.memory.found import Found
from tandem_reasoning.lanes.probing.probe import DEADLINE_S
from tandem_reasoning.ledger import Decision, Outcome, Recorded, Stale
from tandem_reasoning.routing.answered import NEAR
from tandem_reasoning.routing.replay import choice
from tandem_reasoning.values import Call
from tandem_reasoning.wire import hold, route

_DIGITS = 4  # of similarities and chances: more are noise


def begun(job: Job) -> wire.BeginResponse:
    """What a worker has to know of a run."""
    thinking = job.thinking
    return wire.BeginResponse(
        run_uid=job.run_uid,
        experts=[wire.Expert(name=each.name, role=each.role) for each in job.experts],
        lanes=[wire.Lane(name=each.name, model=each.model, key_variable=each.key_variable, key_file=each.key_file) for each in job.lanes],
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


def leased(handed: Handed, policy: str) -> wire.Lease:
    """A question for a worker."""
    lease = handed.lease
    return wire.Lease(
        hold=hold(lease.hold),
        question=lease.question.text,
        kind=lease.question.kind,
        attempts=lease.attempts,
        route=route(handed.decision, policy, handed.near),
        recorded=_recorded(handed.recorded),
        spread=handed.spread or 0.0,
    )


def inspection(wanted: Inspection, call_s: float) -> wire.Inspection:
    """A server that a worker is to find out about."""
    return wire.Inspection(
        number=wanted.number,
        lane=wanted.lane,
        url=wanted.url,
        most_at_once=wanted.most_at_once,
        call_seconds=min(call_s, DEADLINE_S),
    )


def recollected(found: Found) -> wire.Recollection:
    """A record of the shared memory."""
    return wire.Recollection(id=found.id, question=found.question, answer=found.answer, strategy=found.strategy, source=found.source)


def outcome_of(request: wire.CompleteRequest) -> Outcome:
    """What came of a question, with the decision that its lease had and what that rested on."""
    told = request.route
    made = choice.spared(told.choice) if told.choice and told.spared else told.choice
    decision = Decision(policy=told.policy, choice=made, propensity=told.propensity) if told.choice else None
    detail = request.detail or "{}"
    if told.near:
        near = [[round(each.similarity, _DIGITS), round(each.agreed, _DIGITS)] for each in told.near]
        detail = json.dumps({**json.loads(detail), NEAR: near})
    return Outcome(
        answer=request.answer,
        lane=request.lane,
        agreement=request.agreement if request.HasField("agreement") else None,
        decision=decision,
        detail=detail,
    )


def completed(said: wire.CompleteResponse | Exception) -> wire.CompleteResponse:
    """What came of an outcome that was told beside others."""
    return wire.CompleteResponse(refused=str(said) or type(said).__name__) if isinstance(said, Exception) else said


def permitted(answer: Answer, *, halted: bool) -> wire.PermitResponse:
    """Leave to make a call, or why there is none; `halted` is whether the run stops where the money does not reach."""
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
        case Broke() if halted:
            return wire.PermitResponse(no=wire.No(refusal=wire.REFUSAL_HALTED, why=answer.why))
        case _:
            refusal, why = _refusal(answer)
            return wire.PermitResponse(no=wire.No(refusal=refusal, why=why))


def _recorded(calls: Sequence[Call]) -> Sequence[wire.Recorded]:
    return [wire.Recorded(key=call.key, lane=call.lane, answer=call.answer) for call in calls]


def _refusal(answer: Shut | Stale | Broke | Dear | Tired | NoHedge) -> "tuple[wire.Refusal.ValueType, str]":
    match answer:
        case Shut():
            return wire.REFUSAL_LANE, answer.why
        case Stale():
            return wire.REFUSAL_STALE, f"{answer.item} is somebody else's by now"
        case Broke():
            return wire.REFUSAL_BUDGET, answer.why
        case Dear():  # nobody else can be asked: then the question itself is at fault, and fails
            return wire.REFUSAL_BUDGET if answer.elsewhere else wire.REFUSAL_TRIES, answer.why
        case Tired():
            return wire.REFUSAL_TRIES, answer.why
        case NoHedge():
            return wire.REFUSAL_NO_HEDGE, ""
