"""The coordinator as a process: the books, the lanes and the server, put together; up until SIGTERM or SIGINT."""

import asyncio
import logging
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice

import uvloop
from tandem.reasoning.v1 import reasoning_pb2
from tandem.reasoning.v1.reasoning_pb2_grpc import add_ReasoningServiceServicer_to_server
from tandem_rpc import serve_async
from tandem_rpc.process import address_file
from tandem_rpc.process.scraping import Scraping

from tandem_reasoning.coordinator.clock import steady
from tandem_reasoning.coordinator.completing import Completing
from tandem_reasoning.coordinator.figures import registry_of
from tandem_reasoning.coordinator.granting.affording import Affording, Lengths
from tandem_reasoning.coordinator.granting.inspections import Inspections
from tandem_reasoning.coordinator.granting.lane_desk import LaneDesk
from tandem_reasoning.coordinator.granting.permits import Permits
from tandem_reasoning.coordinator.handing import Handing
from tandem_reasoning.coordinator.hours import Hours
from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.coordinator.keeping.keeper import keeping
from tandem_reasoning.coordinator.lessons import Lessons
from tandem_reasoning.coordinator.memory.shared import remembering
from tandem_reasoning.coordinator.service import Reasoning, Rooms
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.coordinator.standing import Standing
from tandem_reasoning.lanes.hedging import Hedging
from tandem_reasoning.ledger import Desk, Ledger, LedgerError, Load
from tandem_reasoning.routing.learner import Learner
from tandem_reasoning.values import LaneKind, Question

SERVICE = reasoning_pb2.DESCRIPTOR.services_by_name["ReasoningService"].full_name
_LOADED_AT_ONCE = 1000
_LOOK_S = 0.5  # limits of the minute pass by time alone
_log = logging.getLogger(__name__)


def run(settings: Settings, job: Job, questions: Iterable[Question]) -> None:
    """Coordinate until asked to stop.

    Raises:
        tandem_rpc.RpcSetupError, LedgerError: when it cannot be begun.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_served(settings, job, questions))


async def _served(settings: Settings, job: Job, questions: Iterable[Question]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    begun = datetime.now(UTC).isoformat()
    async with AsyncExitStack() as stack:
        kept = await stack.enter_async_context(keeping(settings, job, time.time))
        rooms = await stack.enter_async_context(opened(settings, job, questions, kept.snapshot))
        stack.callback(asyncio.create_task(looked(rooms.permits)).cancel)
        hours = Hours(rooms.desk, [each.lane for each in job.lanes], over=lambda: rooms.standing.over, clock=time.monotonic, begun=begun)
        stack.push_async_callback(hours.book)
        stack.callback(asyncio.create_task(hours.run()).cancel)
        metrics = registry_of(rooms.standing.message)
        scraping = stack.enter_context(Scraping(settings.metrics_listen, metrics, lambda: "stopping" if stop.is_set() else None))
        server = await serve_async(
            settings.listen,
            {SERVICE: partial(add_ReasoningServiceServicer_to_server, Reasoning(rooms))},
            token_file=settings.token_file,
            tls=settings.tls,
            plaintext=settings.plaintext,
        )
        stack.push_async_callback(server.stop, settings.grace_seconds)
        addresses = {
            "grpc": address_file.at(settings.listen, server.port),
            "metrics": address_file.at(settings.metrics_listen, scraping.port),
        }
        stack.enter_context(address_file.written(settings.address_file, **addresses))
        _log.info("run %s at %s, metrics at %s", job.name, addresses["grpc"], addresses["metrics"])
        kept.begin(rooms.standing.message, stop)
        await stop.wait()
        await kept.rest()


@asynccontextmanager
async def opened(
    settings: Settings, job: Job, questions: Iterable[Question], snapshot: Callable[[], reasoning_pb2.Snapshot | None] = lambda: None
) -> AsyncGenerator[Rooms]:
    """The rooms of a run, its questions loaded; `snapshot` tells of the newest copy of its books."""
    ledger = Ledger(settings.ledger, run=job.run_uid, cap_nano=job.cap_nano, max_attempts=job.max_attempts)
    async with AsyncExitStack() as stack:
        stack.callback(ledger.close)
        desk, reader = Desk(ledger, steady()), ledger.reader()
        stack.callback(reader.close)
        stack.push_async_callback(desk.close)
        lengths, kinds = await _loaded(desk, questions)
        lanes = {each.name: LaneDesk(each.lane) for each in job.lanes}
        learner, clock = Learner(job.routing.rule), time.monotonic
        by_name = {name: each.lane for name, each in lanes.items()}
        lessons = Lessons(learner, reader, lambda: ledger.sums, by_name, paced_nano=job.paced_nano)
        ends_at = None if job.ends_at is None else clock() + job.ends_at.timestamp() - time.time()
        inspections = Inspections(desk=desk, lanes=lanes, clock=clock, chance=random.random)
        if job.probe:
            inspections.begin(reader.probes())
        memory = await stack.enter_async_context(remembering(settings, job, desk, ledger, clock))
        standing = Standing(
            job,
            lambda: ledger.sums,
            lanes,
            sentences=inspections.sentences,
            memory=None if memory is None else memory.message,
            snapshot=snapshot,
            clock=clock,
            ends_at=ends_at,
        )
        permits = Permits(
            job,
            desk,
            lanes,
            affording=Affording(_instead(job), lengths.longer),
            hedging=Hedging() if job.hedge else None,
            clock=clock,
            chance=random.random,
        )
        handing = Handing(
            job,
            lambda: ledger.sums,
            reader,
            lanes,
            learner,
            kinds=kinds,
            unpayable=lambda item: {*standing.shortage.lanes, *permits.affording.dear(item)},
            pressure=lambda: standing.pressure,
            clock=clock,
        )
        yield Rooms(
            job=job,
            desk=desk,
            handing=handing,
            permits=permits,
            standing=standing,
            inspections=inspections,
            completing=Completing(desk=desk, permits=permits, standing=standing, lessons=lessons, memory=memory),
            memory=memory,
        )


def _instead(job: Job) -> Sequence[str]:
    """Lanes that may answer what is too dear for another one: of a run that stops at its budget, no local one."""
    return [each.name for each in job.lanes if not job.stops_at_budget or each.kind is LaneKind.CLOUD]


async def _loaded(desk: Desk, questions: Iterable[Question]) -> tuple[Lengths, tuple[int, ...]]:
    """Load all; how long they are, and how many are of each class."""
    left, lengths, kinds = iter(questions), dict[str, int](), Counter[str]()
    while some := tuple(islice(left, _LOADED_AT_ONCE)):
        await desk.ask(Load(questions=some))
        lengths.update((each.id, len(each.text.encode())) for each in some)
        kinds.update(each.kind for each in some)
    return Lengths.among(lengths), tuple(kinds.values())


async def looked(permits: Permits, every_s: float = _LOOK_S) -> None:
    """Look again and again. What the ledger does not take now, such as on a full disk, is no reason to look no more."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await permits.look()
        except LedgerError as error:
            _log.warning("%s; looked again in %.1f s", error, every_s)
