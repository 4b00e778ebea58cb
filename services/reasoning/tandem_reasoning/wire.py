"""The words of the rooms, as they go over the wire and come back: used on both sides, so that they cannot drift apart."""

from collections.abc import Sequence

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.lanes.outcome import Allowance, Answered, Failed, Outcome, Trouble
from tandem_reasoning.routing.decision import Decision, Mode
from tandem_reasoning.routing.known import Neighbour
from tandem_reasoning.routing.replay.choice import written
from tandem_reasoning.values import CallPlace, Hold, Usage

_MODES = {
    Mode.SINGLE: wire.MODE_SINGLE,
    Mode.VOTE: wire.MODE_VOTE,
    Mode.CASCADE: wire.MODE_CASCADE,
    Mode.ENSEMBLE: wire.MODE_ENSEMBLE,
}


def hold_of(message: wire.Hold) -> Hold:
    """By what right somebody speaks of an item."""
    return Hold(item=message.item, fence=message.fence)


def hold(value: Hold) -> wire.Hold:
    """The same for the wire."""
    return wire.Hold(item=value.item, fence=value.fence)


def place_of(item: str, message: wire.Place) -> CallPlace:
    """Which call of an item."""
    return CallPlace(item=item, step=message.step, expert=message.expert, sample=message.sample)


def place(value: CallPlace) -> wire.Place:
    """The same for the wire, where the item is said beside it."""
    return wire.Place(step=value.step, expert=value.expert, sample=value.sample)


def route(decision: Decision, policy: str, near: Sequence[Neighbour] = ()) -> wire.Route:
    """Who answers a question, and on which questions alike that rests."""
    return wire.Route(
        lanes=decision.lanes,
        mode=_MODES[decision.mode],
        escalate_below=decision.escalate_below,
        compare=decision.compare,
        spared=decision.spared,
        reason=decision.reason,
        propensity=decision.propensity,
        policy=policy,
        choice=written(decision),
        near=[wire.Neighbour(similarity=each.similarity, agreed=each.agreed) for each in near],
    )


def mode_of(message: wire.Route) -> Mode:
    """How the lanes are asked."""
    return next(mode for mode, number in _MODES.items() if number == message.mode)


def settling(outcome: Outcome, *, memory_version: int = 0, stamp: str = "") -> wire.SettleRequest:
    """What came of a call, without saying which call it was."""
    if isinstance(outcome, Failed):
        return wire.SettleRequest(failed=_failed(outcome, stamp))
    answered = wire.Answered(
        text=outcome.text,
        input_tokens=outcome.usage.input_tokens,
        output_tokens=outcome.usage.output_tokens,
        usage_told=outcome.usage_told,
        seconds=outcome.seconds,
        allowance=_allowance(outcome.allowance),
        memory_version=memory_version,
    )
    return wire.SettleRequest(answered=answered)


def outcome_of(request: wire.SettleRequest) -> Outcome | None:
    """What came of a call; None when it was not made, or hung up on."""
    match request.WhichOneof("outcome"):
        case "answered":
            said = request.answered
            return Answered(
                text=said.text,
                usage=Usage(input_tokens=said.input_tokens, output_tokens=said.output_tokens),
                usage_told=said.usage_told,
                seconds=said.seconds,
                allowance=_allowance_of(said.allowance),
            )
        case "failed":
            told = request.failed
            return Failed(
                trouble=Trouble(told.trouble),
                problem=told.problem,
                status=told.status if told.HasField("status") else None,
                after_s=told.after_seconds if told.HasField("after_seconds") else None,
                seconds=told.seconds,
                allowance=_allowance_of(told.allowance),
            )
        case _:
            return None


def _failed(outcome: Failed, stamp: str) -> wire.Failed:
    return wire.Failed(
        trouble=outcome.trouble,
        problem=outcome.problem,
        status=outcome.status,
        after_seconds=outcome.after_s,
        seconds=outcome.seconds,
        allowance=_allowance(outcome.allowance),
        key_stamp=stamp,
    )


def _allowance(value: Allowance) -> wire.Allowance:
    return wire.Allowance(
        requests_left=value.requests_left,
        requests_reset_seconds=value.requests_reset_s,
        tokens_left=value.tokens_left,
        tokens_reset_seconds=value.tokens_reset_s,
    )


def _allowance_of(message: wire.Allowance) -> Allowance:
    return Allowance(
        requests_left=message.requests_left if message.HasField("requests_left") else None,
        requests_reset_s=message.requests_reset_seconds if message.HasField("requests_reset_seconds") else None,
        tokens_left=message.tokens_left if message.HasField("tokens_left") else None,
        tokens_reset_s=message.tokens_reset_seconds if message.HasField("tokens_reset_seconds") else None,
    )
