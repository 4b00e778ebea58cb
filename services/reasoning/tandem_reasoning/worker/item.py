"""How a question is answered: the route says which lanes and in which manner, the experts of each think in steps, and their vote counts.

A lane that does not answer is left out: the other one answers alone. Only where no lane answers does the attempt fail, or wait.
"""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.routing.decision import Mode
from tandem_reasoning.thinking import answers, notes, steps, vote
from tandem_reasoning.thinking.prompts import BARE, Expert, Recalled, Shared, Wording, prompt
from tandem_reasoning.thinking.vote import Enough, Vote
from tandem_reasoning.values import CallPlace, Prompt, Question
from tandem_reasoning.wire import hold_of, mode_of
from tandem_reasoning.worker.calls import Asking, Calls, GivenBackError, LaneDownError, Reply
from tandem_reasoning.worker.line import Line

_T = TypeVar("_T")

_PAIR = 2  # of one answer there is no share that says how sure it is
_ALONE = Expert(name="alone")  # asks nothing but the question


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the run's experts think."""

    experts: tuple[Expert, ...]
    max_steps: int
    margin: int
    adaptive: bool
    max_tokens: int
    temperature: float
    wording: Wording

    @classmethod
    def of(cls, begun: wire.BeginResponse) -> "Manner":
        """What the coordinator says."""
        told = begun.thinking
        return cls(
            experts=tuple(Expert(name=each.name, role=each.role) for each in begun.experts),
            max_steps=told.max_steps,
            margin=told.margin if told.adaptive else len(begun.experts),
            adaptive=told.adaptive,
            max_tokens=told.max_tokens,
            temperature=told.temperature,
            wording=BARE if told.bare else Wording(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a lane says.

    Attributes:
        lane: Which.
        text: The reply that stands for it.
        answer: Its answer, in plain form.
        share: Part of the experts that gave it; None when one was asked.
        replies: Of the last step.
        calls: How many were made for it.
        steps: How many there were.
        scatter: How many experts answered in the first step, and how many different answers they gave; None when one was asked.
    """

    lane: str
    text: str
    answer: str
    share: float | None
    replies: tuple[str, ...]
    calls: int
    steps: int
    scatter: tuple[int, int] | None = None


@dataclass(slots=True)
class Thinking:
    """Work on one question."""

    line: Line
    calls: Calls
    manner: Manner
    worker: str
    lease: wire.Lease
    _trouble: list[LaneDownError] = field(default_factory=list[LaneDownError])
    _greedy: Opinion | None = None  # the local lane's single answer, where all are compared
    _joined: Opinion | None = None  # what the vote of both lanes says, where it is taken or compared
    _recalled: set[str] = field(default_factory=set[str])  # ids of the records that were shown

    async def done(self) -> wire.CompleteRequest | None:
        """Answer it: the outcome, for the worker to tell; None once it was said why there is none.

        Raises:
            LostError: when it is somebody else's.
        """
        try:
            opinions = await self._opinions()
        except GivenBackError:  # rather than that fewer are asked than should be
            await self._release()
            return None
        if opinions:
            return self._outcome(opinions)
        if any(trouble.of_call for trouble in self._trouble):
            await self._fail("; ".join(str(trouble) for trouble in self._trouble))
        else:
            await self._release()
        return None

    async def _opinions(self) -> Sequence[Opinion]:
        """Of each lane that was asked and answered; the one that counts first."""
        route, mode = self.lease.route, mode_of(self.lease.route)
        first = route.lanes[0]
        if len(route.lanes) == 1:
            return _there(await (self._single(first) if mode is Mode.SINGLE else self._vote(first)))
        second = route.lanes[1]
        if route.compare:
            local, cloud, self._greedy = await _together(self._vote(first), self._single(second), self._single(first))
            self._joined = _joined(local, cloud)
            return _there(cloud, local)
        if mode is Mode.ENSEMBLE:
            local, cloud = await _together(self._vote(first), self._single(second))
            self._joined = _joined(local, cloud)
            return _there(self._joined, cloud, local)
        local = await self._vote(first)
        if local is not None and (local.share or 0.0) >= route.escalate_below:
            return (local,)
        return _there(await self._single(second), local)

    async def _single(self, lane: str) -> Opinion | None:
        """One greedy call; None when the lane does not answer."""
        shared, memory = await self._shared(1, "")
        asked = prompt(shared, _ALONE, max_tokens=self.manner.max_tokens, temperature=0.0, wording=self.manner.wording)
        reply = await self._reply(lane, self._asking(1, _ALONE, asked, memory))
        if reply is None:
            return None
        (answer,) = answers.keyed([reply.text])
        return Opinion(lane=reply.lane, text=reply.text, answer=answer, share=None, replies=(reply.text,), calls=1, steps=1)

    async def _vote(self, lane: str) -> Opinion | None:
        """Experts in steps, until they agree or the last step is over; None when the lane does not answer."""
        earlier, calls, opinion, scatter = "", 0, None, None
        for step in range(1, self.manner.max_steps + 1):
            replies = await self._step(lane, step, earlier)
            if not replies:
                return opinion
            calls += len(replies)
            said = answers.keyed(replies)
            scatter = scatter or (len(said), len({*said}))
            opinion = replace(_opinion(lane, replies, vote.plurality(said), calls, step), scatter=scatter)
            if not steps.another(step, max_steps=self.manner.max_steps, answers=said):
                break
            earlier = steps.shown(replies, said)
        return opinion

    async def _step(self, lane: str, step: int, earlier: str) -> tuple[str, ...]:
        """Replies of as many experts as it takes."""
        shared, memory = await self._shared(step, earlier)
        experts, replies, asked = self.manner.experts, list[str](), 0
        while n := vote.wanted(answers.keyed(replies), experts=len(experts) - asked + len(replies), enough=self._enough):
            some, asked = experts[asked : asked + n], asked + n
            heard = await _together(*(self._expert(lane, step, each, shared, memory) for each in some))
            replies += [each.text for each in heard if each is not None]
        return tuple(replies)

    async def _expert(self, lane: str, step: int, expert: Expert, shared: Shared, memory: int) -> Reply | None:
        manner = self.manner
        asked = prompt(shared, expert, max_tokens=manner.max_tokens, temperature=manner.temperature, wording=manner.wording)
        return await self._reply(lane, self._asking(step, expert, asked, memory))

    def _asking(self, step: int, expert: Expert, asked: Prompt, memory: int) -> Asking:
        place = CallPlace(item=self._item, step=step, expert=expert.name)
        return Asking(held=hold_of(self.lease.hold), place=place, prompt=asked, memory_version=memory)

    async def _reply(self, lane: str, asking: Asking) -> Reply | None:
        try:
            return await self.calls.reply(asking, lane, self._known)
        except LaneDownError as trouble:
            self._trouble.append(trouble)
            return None

    async def _shared(self, step: int, earlier: str) -> tuple[Shared, int]:
        """What all experts of a step are shown, with what the memory knows."""
        told = await self.line.ask(self.line.stub.Recall, wire.RecallRequest(hold=self.lease.hold, step=step))
        self._recalled.update(each.id for each in told.recalled)
        recalled = tuple(Recalled(question=each.question, answer=each.answer, strategy=tuple(each.strategy)) for each in told.recalled)
        question = Question(id=self._item, text=self.lease.question, kind=self.lease.kind)
        return Shared(question=question, recalled=recalled, earlier=earlier), told.memory_version

    def _outcome(self, opinions: Sequence[Opinion]) -> wire.CompleteRequest:
        counts, route = opinions[0], wire.Route()
        route.CopyFrom(self.lease.route)
        route.spared = route.spared or any(trouble.unpaid for trouble in self._trouble)
        return wire.CompleteRequest(
            worker=self.worker,
            hold=self.lease.hold,
            answer=answers.final(counts.text),
            lane=counts.lane,
            agreement=counts.share,
            detail=json.dumps(_detail(opinions, self._greedy, self._joined)),
            strategy=notes.strategy(counts.replies),
            recalled=sorted(self._recalled),
            route=route,
        )

    async def _release(self) -> None:
        rest_s = 1.0  # the lanes' own standing says when there is somebody to ask; the router looks again then
        request = wire.ReleaseRequest(worker=self.worker, holds=[self.lease.hold], rest_seconds=rest_s)
        await self.line.ask(self.line.stub.Release, request)

    async def _fail(self, reason: str) -> None:
        await self.line.ask(self.line.stub.Fail, wire.FailRequest(worker=self.worker, hold=self.lease.hold, reason=reason))

    @property
    def _enough(self) -> Enough:
        """When no more experts need be asked. Two are enough at most where nothing but the answer rests on their vote."""
        manner, route = self.manner, self.lease.route
        spread = self.lease.spread if manner.adaptive and self.lease.spread > 0 else None
        alone = spread is not None and len(route.lanes) == 1
        return Enough(margin=manner.margin, least=_PAIR if alone else vote.LEAST, spread=spread)

    @property
    def _item(self) -> str:
        return self.lease.hold.item

    @property
    def _known(self) -> Mapping[str, Reply]:
        return {each.key: Reply(lane=each.lane, text=each.answer) for each in self.lease.recorded}


def _there(*opinions: Opinion | None) -> Sequence[Opinion]:
    return tuple(opinion for opinion in opinions if opinion is not None)


def _opinion(lane: str, replies: tuple[str, ...], voted: Vote, calls: int, step: int) -> Opinion:
    share = voted.share if len(replies) > 1 else None
    text = replies[voted.voter]
    return Opinion(lane=lane, text=text, answer=voted.answer, share=share, replies=replies, calls=calls, steps=step)


def _joined(local: Opinion | None, cloud: Opinion | None) -> Opinion | None:
    """A vote of both lanes' replies; the cloud lane's breaks a tie."""
    if local is None or cloud is None:
        return None
    replies = (*local.replies, cloud.text)
    *theirs, its = answers.keyed(replies)
    voted = vote.joined(theirs, its)
    lane = cloud.lane if voted.voter == len(theirs) else local.lane
    return _opinion(lane, replies, voted, cloud.calls + local.calls, local.steps)


def _detail(opinions: Sequence[Opinion], greedy: Opinion | None, joined: Opinion | None) -> Mapping[str, object]:
    """What is kept beside the answer, for scores and for the router."""
    own = [opinion for opinion in opinions if opinion is not joined]
    by_lane = {opinion.lane: _said(opinion) for opinion in reversed(own)}
    told: dict[str, object] = {"lanes": by_lane, "voters": len(opinions[0].replies)}
    if greedy is not None:
        told["greedy"] = greedy.answer
    if joined is not None:
        told["joined"] = joined.answer
    if len(by_lane) > 1:
        told["agreed"] = answers.same([each.answer for each in own])
    return told


def _said(opinion: Opinion) -> Mapping[str, object]:
    said = {"answer": opinion.answer, "share": opinion.share, "calls": opinion.calls, "steps": opinion.steps}
    return said if opinion.scatter is None else {**said, "scatter": opinion.scatter}


async def _together(*asked: Coroutine[Any, Any, _T]) -> list[_T]:
    """All answers; where one goes wrong the others are broken off before that is said."""
    tasks = [asyncio.create_task(each) for each in asked]
    try:
        return await asyncio.gather(*tasks)
    except GivenBackError:  # the others are being paid for: their answers go on record first
        await asyncio.wait(tasks)
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
