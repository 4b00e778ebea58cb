"""A worker's life: claims questions, as many as it works on at once, keeps its leases, and gives back what it cannot finish.

What a question came to goes with the claim of the next one: half as many messages, and one wait for the disk of both.
Now and then it is asked to find out about a server, too, beside its questions.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

import grpc
from tandem.reasoning.v1 import reasoning_pb2 as wire

from tandem_reasoning.lanes.asking.client import LaneClient
from tandem_reasoning.lanes.asking.key import KeyPlace
from tandem_reasoning.worker.calls import Calls, LostError, Server
from tandem_reasoning.worker.inspecting import inspected
from tandem_reasoning.worker.item import Manner, Thinking
from tandem_reasoning.worker.line import Line

_LAST_S = 2.0  # for an answer that we still want, and for our last words: with the grace period less than the 30 s that a pod has
_EXTENDED = 3  # times in the life of a lease: two words may get lost
_log = logging.getLogger(__name__)
_A = TypeVar("_A")


class Work:
    """The work of one worker."""

    def __init__(self, line: Line, worker: str, at_once: int) -> None:
        """Begin.

        Args:
            line: To the coordinator.
            worker: Its name, unique in the run.
            at_once: Questions that it works on at once.
        """
        self._line, self._worker, self._at_once = line, worker, at_once
        self._under_way: dict[str, tuple[wire.Hold, asyncio.Task[None]]] = {}
        self._outcomes: list[wire.CompleteRequest] = []  # that the coordinator has yet to hear
        self._servers: Mapping[str, Server] = {}
        self._inspecting: dict[tuple[str, str], tuple[int, asyncio.Task[None]]] = {}  # number and probe, by lane and address
        self._unsure = True  # it may have been killed, and started again under the same name

    async def until(self, stop: asyncio.Event, grace_s: float) -> None:
        """Work until the run is over, or `stop` is set; then finish what takes no longer than `grace_s`, and give back the rest."""
        async with AsyncExitStack() as stack:
            stopped = asyncio.create_task(stop.wait())
            stack.callback(stopped.cancel)
            begun = await _heard(self._line.ask(self._line.stub.Begin, wire.BeginRequest(worker=self._worker)), stopped)
            if begun is None:
                return
            servers = {lane.name: await stack.enter_async_context(_Opened(lane)) for lane in begun.lanes}
            self._servers = servers
            calls = Calls(self._line, self._worker, begun.run_uid, servers, begun.thinking.call_seconds)
            keeping = asyncio.create_task(self._keep(begun.lease_seconds / _EXTENDED))
            stack.callback(keeping.cancel)
            stack.callback(lambda: [task.cancel() for _, task in self._inspecting.values()])
            await self._claim(stopped, calls, Manner.of(begun))
            calls.leave()
            await self._finish(grace_s)

    async def _claim(self, stopped: asyncio.Task[Any], calls: Calls, manner: Manner) -> None:
        while not stopped.done():
            again_s = 0.0
            if len(self._under_way) < self._at_once:
                claimed = await _heard(self._claimed(), stopped)
                if claimed is None:
                    break
                if claimed.over and not self._under_way:
                    break
                for lease in claimed.leases:
                    self._begin(lease, calls, manner)
                for asked in claimed.inspections:
                    self._inspect(asked)
                again_s = claimed.again_seconds
            tasks = [task for _, task in self._under_way.values()]
            idle = len(self._under_way) < self._at_once
            await asyncio.wait([stopped, *tasks], timeout=again_s if idle else None, return_when=asyncio.FIRST_COMPLETED)

    async def _claimed(self) -> wire.ClaimResponse:
        """Others to work on, for what is done. When no answer came, some may be ours already: they are asked for, too."""
        outcomes: tuple[wire.CompleteRequest, ...] = ()

        def wish() -> wire.ClaimRequest:
            nonlocal outcomes
            outcomes, count, has = tuple(self._outcomes), self._at_once - len(self._under_way), list(self._under_way)
            wanted = wire.ClaimRequest(worker=self._worker, count=count, has=has, unsure=self._unsure, completed=outcomes)
            self._unsure = True
            return wanted

        claimed = await self._line.ask_anew(self._line.stub.Claim, wish)
        self._unsure = False
        for outcome, said in zip(outcomes, claimed.completed, strict=False):
            self._outcomes.remove(outcome)
            if said.refused:
                _log.error("%s is given up: %s", outcome.hold.item, said.refused)
        if len(claimed.completed) < len(outcomes):  # an older coordinator, while a cluster is brought to a new version
            await self._tell()
        return claimed

    async def _tell(self) -> None:
        """Tell what is done, and claim nothing for it; an outcome that is heard twice counts once."""
        while self._outcomes:
            outcome = self._outcomes[0]
            try:
                await self._line.ask(self._line.stub.Complete, outcome)
            except grpc.aio.AioRpcError as error:
                _log.error("%s is given up: %s", outcome.hold.item, error.details())
            self._outcomes.remove(outcome)

    def _begin(self, lease: wire.Lease, calls: Calls, manner: Manner) -> None:
        thinking = Thinking(line=self._line, calls=calls, manner=manner, worker=self._worker, lease=lease)
        task = asyncio.create_task(self._one(thinking))
        if known := self._under_way.get(lease.hold.item):
            known[1].cancel()  # that lease has lapsed
        self._under_way[lease.hold.item] = lease.hold, task
        task.add_done_callback(lambda _: self._ended(lease.hold.item, task))

    def _ended(self, item: str, task: asyncio.Task[None]) -> None:
        if (known := self._under_way.get(item)) and known[1] is task:
            del self._under_way[item]

    def _inspect(self, asked: wire.Inspection) -> None:
        """Probe a server; asked for again while that goes on, as after an answer that was lost, it is told under the newest number."""
        place = asked.lane, asked.url
        if known := self._inspecting.get(place):
            self._inspecting[place] = asked.number, known[1]
            return
        probe = inspected(self._line, self._worker, self._servers[asked.lane], asked, lambda: self._inspecting[place][0])
        task = asyncio.create_task(probe)
        self._inspecting[place] = asked.number, task
        task.add_done_callback(lambda _: self._inspecting.pop(place, None))

    async def _one(self, thinking: Thinking) -> None:
        try:
            if (outcome := await thinking.done()) is not None:
                self._outcomes.append(outcome)
        except LostError:
            _log.info("%s is somebody else's by now", thinking.lease.hold.item)
        except grpc.aio.AioRpcError as error:
            _log.error("%s is given up: %s", thinking.lease.hold.item, error.details())
        except Exception as error:  # noqa: BLE001 - whatever it is: the question is tried again, and its last failure says why
            _log.exception("%s went wrong", thinking.lease.hold.item)
            reason = f"a defect of the worker's: {type(error).__name__}: {error}"
            request = wire.FailRequest(worker=self._worker, hold=thinking.lease.hold, reason=reason)
            await self._line.ask(self._line.stub.Fail, request)

    async def _keep(self, every_s: float) -> None:
        """Keep the leases; what is somebody else's is dropped."""
        while True:
            await asyncio.sleep(every_s)
            if not self._under_way:
                continue
            holds = [hold for hold, _ in self._under_way.values()]
            try:
                extended = await self._line.ask(self._line.stub.Extend, wire.ExtendRequest(worker=self._worker, holds=holds))
            except grpc.aio.AioRpcError as error:
                _log.error("leases are not kept: %s; tried again in %.0f s", error.details(), every_s)
                continue
            sent = {hold.item: hold.fence for hold in holds}
            for item in extended.lost:
                if (known := self._under_way.get(item)) and known[0].fence == sent.get(item):  # it may be ours anew meanwhile
                    known[1].cancel()

    async def _finish(self, grace_s: float) -> None:
        """What is done within the time is told at once: who asked us to leave may not wait for long, whether or not we are heard."""
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._tell()
                while tasks := [task for _, task in self._under_way.values()]:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    await self._tell()
        left = dict(self._under_way)
        for _, task in left.values():
            task.cancel()
        try:
            async with asyncio.timeout(_LAST_S):
                await asyncio.gather(*(task for _, task in left.values()), return_exceptions=True)
                await self._tell()
                if left:
                    request = wire.ReleaseRequest(worker=self._worker, holds=[hold for hold, _ in left.values()])
                    await self._line.ask(self._line.stub.Release, request)
        except TimeoutError:
            lapsing = len(self._outcomes) + len(left)
            _log.warning("the coordinator does not answer: %d questions are done again once their leases have lapsed", lapsing)


async def _heard(asking: Coroutine[Any, Any, _A], stopped: asyncio.Task[Any]) -> _A | None:
    """What is answered; None when we are to leave and nothing is said for a little while more."""
    asked = asyncio.create_task(asking)
    try:
        await asyncio.wait([asked, stopped], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait([asked], timeout=_LAST_S)
        return asked.result() if asked.done() else None
    finally:
        asked.cancel()


class _Opened:
    """Connections to the servers of a lane, for as long as the worker lives."""

    def __init__(self, lane: wire.Lane) -> None:
        self._lane, self._key = lane, _key(lane)
        self._client = LaneClient(key=self._key)

    async def __aenter__(self) -> Server:
        await self._client.__aenter__()
        return Server(model=self._lane.model, client=self._client, key=self._key)

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


def _key(lane: wire.Lane) -> KeyPlace | None:
    if lane.key_file:
        return KeyPlace(file=Path(lane.key_file))
    return KeyPlace(variable=lane.key_variable) if lane.key_variable else None


def named(environ: Mapping[str, str], host: str, pid: int) -> str:
    """The worker's name: the one that it was given, else host and process."""
    return environ.get("TANDEM_WORKER") or f"{host}-{pid}"
