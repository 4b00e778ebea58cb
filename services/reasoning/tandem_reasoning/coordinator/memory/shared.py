"""The shared memory of a run: what a step recalls, what an outcome leaves, and how the run stands with it."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace

from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem_memory.client import AsyncMemory, MemoryServiceError, Pruning
from tandem_rpc import ClientTls

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.memory import found, kept
from tandem_reasoning.coordinator.memory.effect import Answered, Effect, recalled_detail
from tandem_reasoning.coordinator.memory.found import Found
from tandem_reasoning.coordinator.memory.kept import Said
from tandem_reasoning.coordinator.memory.outbox import Outbox
from tandem_reasoning.coordinator.memory.reach import Reach
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.ledger import Desk, Ledger, LedgerError, Memory, Outcome, Reader, Recollect, Recollection, UnknownItemError
from tandem_reasoning.routing import draws
from tandem_reasoning.thinking import answers
from tandem_reasoning.values import Question

_TRIALS = 3  # uses after which harm is believed, as in routing.remembering.eviction
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What a step is shown, and the number under which the books have it."""

    number: int
    records: tuple[Found, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What an outcome leaves: itself, with what was recalled for it, what the memory is to be told, and how it went."""

    outcome: Outcome
    memories: tuple[Memory, ...]
    answered: Answered


class SharedMemory:
    """Recalls and remembers for one run."""

    def __init__(self, job: Job, desk: Desk, reader: Reader, *, reach: Reach, outbox: Outbox, effect: Effect) -> None:
        self._job, self._manner, self._desk, self._reader = job, job.memory, desk, reader
        self._reach, self._outbox, self._effect = reach, outbox, effect
        self._models = {lane.name: lane.model for lane in job.lanes}
        self._asked: dict[tuple[str, int], asyncio.Task[Recalled]] = {}

    async def recall(self, item: str, step: int) -> Recalled:
        """What a step of an item is shown: the same whenever it asks.

        Raises:
            LedgerError: when there is no such item, or the books cannot be written.
        """
        place = (item, step)
        asked = self._asked.get(place)
        if asked is None:
            asked = self._asked[place] = asyncio.create_task(self._recalled(item, step))
            asked.add_done_callback(lambda _: self._asked.pop(place, None))
        return await asyncio.shield(asked)

    def left(self, item: str, outcome: Outcome, *, strategy: Sequence[str], recalled: Sequence[str]) -> Left:
        """What an outcome leaves.

        Args:
            item: The item that is done.
            outcome: What came out.
            strategy: How the answer was come by.
            recalled: Ids of the records that prompts showed.

        Raises:
            LedgerError: when there is no such item.
        """
        detail: dict[str, object] = json.loads(outcome.detail)
        question = self._question(item)
        recollections = self._reader.recollections(item)
        records, away = _apart(recollections), any(each.records == found.AWAY for each in recollections)
        shown = [each for each in records if each.id in recalled]
        right = None if question.answer is None else answers.right(outcome.answer, question.answer)
        said = Said(
            run_uid=self._job.run_uid,
            question=question,
            answer=outcome.answer,
            lane=outcome.lane,
            model=self._models.get(outcome.lane, ""),
            agreement=outcome.agreement,
            voters=_number(detail.get("voters")),
            lanes_agree=_truth(detail.get("agreed")),
            right=right,
            strategy=strategy,
            cost_nano=sum(call.cost_nano for call in self._reader.calls_of(item)),
            found=records,
        )
        memories = [kept.record(said, self._manner)]
        if shown and right is not None:
            memories += [kept.gain(said, each, self._worth(said, each, right=right)) for each in shown]
        told = recalled_detail(records, shown=bool(shown), away=away, hold_out=self._manner.hold_out)
        answered = Answered(kind=question.kind, found=bool(records), shown=bool(shown), right=right, agreement=outcome.agreement)
        return Left(outcome=replace(outcome, detail=json.dumps({**detail, "recalled": told})), memories=tuple(memories), answered=answered)

    def done(self, left: Left) -> None:
        """It is durable."""
        self._outbox.posted(len(left.memories))
        self._effect.add(left.answered)

    def message(self) -> wire.MemoryStatus:
        """How the run stands with it."""
        effect, state, problem = self._effect, "Ready", ""
        if effect.off:
            state, problem = "Off", effect.off
        elif self._reach.problem:
            state, problem = "Away", self._reach.problem
        status = wire.MemoryStatus(state=state, problem=problem, waiting=self._outbox.waiting, shown=effect.shown, held_out=effect.held_out)
        if (score := effect.score) is not None and score.value is not None:
            status.lift = score.value
            if score.interval is not None:
                status.lift_low, status.lift_high = score.interval
        return status

    async def _recalled(self, item: str, step: int) -> Recalled:
        for before in self._reader.recollections(item):
            if before.step == step:
                return _shown(before)
        if self._effect.off:
            return Recalled(number=0, records=())
        question, manner, run_uid = self._question(item), self._manner, self._job.run_uid
        hits = await self._reach.search(question.text, manner.top_k + found.SPARE, found.wanted(manner, run_uid, question.text))
        shown = not draws.held_out(run_uid, item, share=manner.hold_out)
        records = found.AWAY if hits is None else found.written(found.chosen(hits, manner, run_uid))
        return _shown(await self._desk.ask(Recollect(item=item, step=step, shown=shown, records=records)))

    def _worth(self, said: Said, record: Found, *, right: bool) -> float:
        """What a record was good for that was shown."""
        followed = not record.answer or answers.right(said.answer, record.answer)
        return self._effect.usual.gain(said.question.kind, right=right, followed=followed)

    def _question(self, item: str) -> Question:
        known = self._reader.item(item)
        if known is None:
            msg = f"there is no item {item!r} in this run"
            raise UnknownItemError(msg)
        return known.question


@asynccontextmanager
async def remembering(
    settings: Settings, job: Job, desk: Desk, ledger: Ledger, clock: Callable[[], float]
) -> AsyncGenerator[SharedMemory | None]:
    """The memory that the settings name; None when they name none.

    At the end what waits is brought to it, for as long as calls that are under way may take; what is left waits in the ledger.

    Raises:
        tandem_rpc.RpcSetupError: when the settings cannot be used.
    """
    if not settings.memory:
        yield None
        return
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(_opened(settings))
        reader = ledger.reader()
        stack.callback(reader.close)
        reach = Reach(memory, clock, wait_s=job.memory.wait_seconds)
        await reach.greet()
        outbox = Outbox(desk, reader, memory, reach)
        effect = Effect(desk, reader, hold_out=job.memory.hold_out, stop=job.memory.stop_on_harm)
        stack.push_async_callback(effect.settled)
        stack.push_async_callback(_emptied, outbox, settings.grace_seconds)
        stack.push_async_callback(_ended, asyncio.create_task(outbox.run()))
        if job.memory.prune_seconds is not None:
            stack.push_async_callback(_ended, asyncio.create_task(_pruned(memory, job.memory.prune_seconds)))
        yield SharedMemory(job, desk, reader, reach=reach, outbox=outbox, effect=effect)


def _opened(settings: Settings) -> AsyncMemory:
    tls = None if settings.memory_tls_ca is None else ClientTls(ca=settings.memory_tls_ca)
    return AsyncMemory(
        settings.memory,
        settings.memory_namespace,
        token_file=settings.memory_token_file,
        tls=tls,
        plaintext=settings.memory_plaintext,
    )


async def _pruned(memory: AsyncMemory, every_s: float) -> None:
    """Have records removed that did harm, again and again."""
    while True:
        await asyncio.sleep(every_s)
        try:
            removed = await memory.prune(Pruning(harmful_after=_TRIALS))
        except MemoryServiceError as error:
            _log.warning("%s; nothing was pruned", error)
            continue
        if removed.removed:
            _log.info("%d records that did harm were removed from the memory", removed.removed)


async def _emptied(outbox: Outbox, within_s: float) -> None:
    with suppress(MemoryServiceError, LedgerError, TimeoutError):
        await asyncio.wait_for(outbox.empty(), within_s)
    if outbox.waiting:
        _log.warning("%d records wait in the ledger for the memory; they are told when the run goes on", outbox.waiting)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _shown(kept_: Recollection) -> Recalled:
    return Recalled(number=kept_.number, records=found.read(kept_.records) if kept_.shown else ())


def _apart(recollections: Sequence[Recollection]) -> tuple[Found, ...]:
    """All records of all steps, each once."""
    return tuple({each.id: each for step in recollections for each in found.read(step.records)}.values())


def _number(told: object) -> int:
    return told if isinstance(told, int) else 1


def _truth(told: object) -> bool | None:
    return told if isinstance(told, bool) else None
