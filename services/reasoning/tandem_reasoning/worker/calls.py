"""One call, from the wish to the answer: a permit, the lane, the books; and a second time elsewhere when it takes long."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.asking.key import KeyPlace
from tandem_reasoning.lanes.outcome import Answered, Outcome
from tandem_reasoning.lanes.race import Ask, raced
from tandem_reasoning.thinking import keys, tokens
from tandem_reasoning.values import CallPlace, Hold, Prompt
from tandem_reasoning.wire import hold, place, settling
from tandem_reasoning.worker.line import Line

_MOMENT_S = 5.0  # a lane may be back sooner than was said


class LostError(Exception):
    """Somebody else has the question by now: stop working on it."""


class GivenBackError(Exception):
    """The question is to be given back as it is: the run stops at its budget, or the worker leaves and would have to wait."""


class LaneDownError(Exception):
    """The lane does not answer this call: it cannot be asked, the money does not reach, or it has failed too often.

    Attributes:
        of_call: Whether this call alone is at fault, which then has failed for good on this lane.
        unpaid: Whether it is for want of money.
    """

    def __init__(self, why: str, *, of_call: bool, unpaid: bool) -> None:
        super().__init__(why)
        self.of_call, self.unpaid = of_call, unpaid


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered, and by whom."""

    lane: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A call that is to be made.

    Attributes:
        held: By what right.
        place: Which call it is.
        prompt: What is asked.
        memory_version: Version of the memory that the prompt was made from.
    """

    held: Hold
    place: CallPlace
    prompt: Prompt
    memory_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """How a lane is asked."""

    model: str
    client: LaneClient
    key: KeyPlace | None

    @property
    def stamp(self) -> str:
        """Of the key."""
        return self.key.stamp() if self.key else ""


class Calls:
    """Makes the calls of one worker."""

    def __init__(self, line: Line, worker: str, run_uid: str, servers: Mapping[str, Server], call_s: float) -> None:
        self._line, self._worker, self._run_uid, self._servers, self._call_s = line, worker, run_uid, servers, call_s
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Wait no more for a call that cannot be made now."""
        self._leaving.set()

    async def pause(self, seconds: float) -> None:
        """Wait until a call may be asked for again.

        Raises:
            GivenBackError: when the worker is to leave meanwhile.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return
        message = "the worker leaves"
        raise GivenBackError(message)

    async def reply(self, asking: Asking, lane: str, known: Mapping[str, Reply]) -> Reply:
        """The answer to a prompt.

        Args:
            asking: What is asked.
            lane: Who is asked.
            known: Calls that were made before, by key.

        Raises:
            LostError: when the question is somebody else's.
            GivenBackError: when the run stops, or the worker leaves and the call would have to wait.
            LaneDownError: when this lane does not answer it.
        """
        key = keys.key(self._run_uid, asking.place, lane, self._servers[lane].model, asking.prompt)
        if key in known:
            return known[key]
        request = self._wish(asking, lane, key)
        while True:
            permit = await self._line.ask(self._line.stub.Permit, request)
            match permit.WhichOneof("what"):
                case "recorded":
                    return Reply(lane=permit.recorded.lane, text=permit.recorded.answer)
                case "wait":
                    await self.pause(min(permit.wait.seconds, _MOMENT_S))
                case "go":
                    reply = await _Call(self, request, permit.go, asking).made()
                    if reply is not None:
                        return reply
                case _:
                    raise _refused(permit.no)

    def _wish(self, asking: Asking, lane: str, key: str) -> wire.PermitRequest:
        return wire.PermitRequest(
            worker=self._worker,
            hold=hold(asking.held),
            place=place(asking.place),
            key=key,
            lane=lane,
            most_input_tokens=tokens.at_most(asking.prompt),
            most_output_tokens=asking.prompt.max_tokens,
            key_stamp=self._servers[lane].stamp,
        )

    async def ask(self, go: wire.Go, prompt: Prompt) -> Outcome:
        """Ask a lane, when its pace allows it."""
        await asyncio.sleep(go.wait_seconds)
        server = self._servers[go.lane]
        return await server.client.ask(go.url, server.model, prompt, deadline_s=self._call_s)

    async def permit(self, request: wire.PermitRequest) -> wire.PermitResponse:
        """Ask for leave."""
        return await self._line.ask(self._line.stub.Permit, request)

    async def settle(self, wish: wire.PermitRequest, go: wire.Go, told: wire.SettleRequest) -> float:
        """Have it booked; how long to wait before it is tried again."""
        told.worker, told.ticket, told.key, told.lane = wish.worker, go.ticket, wish.key, go.lane
        told.hold.CopyFrom(wish.hold)
        told.place.CopyFrom(wish.place)
        settled = await self._line.ask(self._line.stub.Settle, told)
        return settled.again_seconds

    def stamp(self, lane: str) -> str:
        """Of the key of a lane."""
        return self._servers[lane].stamp


class _Call:
    """A call that is being made, perhaps twice."""

    def __init__(self, calls: Calls, wish: wire.PermitRequest, go: wire.Go, asking: Asking) -> None:
        self._calls, self._wish, self._go, self._prompt, self._memory = calls, wish, go, asking.prompt, asking.memory_version
        self._second: wire.Go | None = None

    async def made(self) -> Reply | None:
        """The answer; None, after a while, when there was none and it may be tried again."""
        after_s = self._go.hedge_after_seconds + self._go.wait_seconds if self._go.HasField("hedge_after_seconds") else None
        try:
            race = await raced(lambda: self._calls.ask(self._go, self._prompt), after_s=after_s, again=self._again)
        except asyncio.CancelledError:
            await asyncio.shield(self._hung_up())
            raise
        winner, loser = (self._second, self._go) if race.second else (self._go, self._second)
        assert winner is not None
        again_s = await self._calls.settle(self._wish, winner, self._told(race.outcome, winner))
        if loser is not None:  # after the winner: of two answers the first that is told is the one on record
            await self._lost(loser, race.other, hung_up=race.hung_up)
        if isinstance(race.outcome, Answered):
            return Reply(lane=winner.lane, text=race.outcome.text)
        await self._calls.pause(again_s)
        return None

    async def _again(self) -> Ask | None:
        """Leave for a second call."""
        wish = wire.PermitRequest()
        wish.CopyFrom(self._wish)
        wish.beside = self._go.ticket
        permit = await self._calls.permit(wish)
        if permit.WhichOneof("what") != "go":
            return None
        self._second = second = permit.go
        return lambda: self._calls.ask(second, self._prompt)

    async def _lost(self, go: wire.Go, other: Outcome | None, *, hung_up: bool) -> None:
        if other is not None:
            told = self._told(other, go)
        else:
            told = wire.SettleRequest(hung_up=wire.HungUp()) if hung_up else wire.SettleRequest(unused=wire.Unused())
        await self._calls.settle(self._wish, go, told)

    async def _hung_up(self) -> None:
        for go in filter(None, (self._go, self._second)):
            await self._calls.settle(self._wish, go, wire.SettleRequest(hung_up=wire.HungUp()))

    def _told(self, outcome: Outcome, go: wire.Go) -> wire.SettleRequest:
        return settling(outcome, memory_version=self._memory, stamp=self._calls.stamp(go.lane))


def _refused(no: wire.No) -> Exception:
    if no.refusal == wire.REFUSAL_STALE:
        return LostError(no.why)
    if no.refusal == wire.REFUSAL_HALTED:
        return GivenBackError(no.why)
    return LaneDownError(no.why, of_call=no.refusal == wire.REFUSAL_TRIES, unpaid=no.refusal == wire.REFUSAL_BUDGET)
