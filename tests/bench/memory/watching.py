"""From just before an append until each of many readers has it, at a steady rate of appends: `python -m tests.bench.memory --only watch`.

Records are written by the clock, over one stream, whether or not those before them are on disk: one that waits makes no other late.
Readers are in a few processes of their own, each with one connection; Linux has one monotonic clock for all of them.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.bench.memory.line import say
from tests.bench.memory.peers import tandem
from tests.bench.memory.workload import Workload, text

if TYPE_CHECKING:
    from tandem_memory.client import AsyncMemory

_READERS, _PROCESSES = 32, 4
_RATE = 500  # appends a second
_MOST_MS = 20.0
_PATIENCE_S = 300  # for readers to be there, and to have all
_NAMESPACE, _LAST = "bench", "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one writer did.

    Attributes:
        appends: How many.
        took_s: From the first until the last was acknowledged.
    """

    appends: int
    took_s: float


def measure(work: Workload, seconds: float) -> None:
    """Tell how long deliveries take, and the rate of appends that was reached."""
    with tandem.serving(work.folder / "watched") as (address, pid):
        tandem.Client(address, work.vectors.shape[1]).load(work)
        tandem.settle(pid)
        written, delays_ms = delivered(work, address, seconds)
    say("memory_watch_appends", written.appends / written.took_s, "appends/s", floor=float(_RATE))
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        value = float(np.quantile(delays_ms, part))
        ceiling = _MOST_MS if name == "p99" else None
        say(f"memory_watch_{name}", value, "ms", readers=_READERS, deliveries=len(delays_ms), ceiling=ceiling)


def delivered(work: Workload, address: str, seconds: float) -> tuple[Written, Any]:
    """Append at the rate for so long; what was written, and the milliseconds that each delivery took.

    Raises:
        AssertionError: when a reader was not told of every append, once.
    """
    context = multiprocessing.get_context("spawn")
    there, answers = context.Semaphore(0), context.Queue()
    arguments = (address, _READERS // _PROCESSES, there, answers)
    readers = [context.Process(target=_readers, args=arguments, daemon=True) for _ in range(_PROCESSES)]
    for reader in readers:
        reader.start()
    for _ in range(_READERS):
        assert there.acquire(timeout=_PATIENCE_S), "a reader is not there"
    written = _write(address, work, seconds)
    told: list[list[float]] = [delays for _ in readers for delays in answers.get(timeout=_PATIENCE_S)]
    for reader in readers:
        reader.join()
    assert [len(each) for each in told] == [written.appends] * _READERS, "a reader was not told of every append, once"
    return written, np.concatenate(told)


def _write(address: str, work: Workload, seconds: float) -> Written:
    from tandem_memory.client import Memory, Record

    vectors, count = np.array(work.vectors[:_RATE]), int(seconds * _RATE)
    questions = [text(number) for number in range(count)]  # made before it counts
    with Memory(address, _NAMESPACE) as memory:
        began = time.monotonic()
        with memory.writer() as writer:
            for number in range(count):
                time.sleep(max(began + number / _RATE - time.monotonic(), 0))
                question, vector = questions[number], vectors[number % len(vectors)]
                writer.write(Record(question=question, answer=str(time.monotonic_ns()), vector=vector))
        took_s = time.monotonic() - began
        memory.append([Record(question=_LAST, vector=vectors[0])])
    return Written(appends=count, took_s=took_s)


def _readers(address: str, count: int, there: Any, answers: Any) -> None:
    """So many watches in this process."""
    from tandem_memory.client import AsyncMemory

    async def all_of_them() -> Sequence[list[float]]:
        async with AsyncMemory(address, _NAMESPACE) as memory:
            return await asyncio.gather(*(_read(memory, there) for _ in range(count)))

    answers.put(asyncio.run(all_of_them()))


async def _read(memory: "AsyncMemory", there: Any) -> list[float]:
    """Milliseconds that each delivery took, until the last."""
    from tandem_memory.client import Record

    delays: list[float] = []
    async with memory.watch(only_new=True) as watch:
        async for news in watch:
            now = time.monotonic_ns()
            if not news.changes and not delays:
                there.release()  # it was told its place: from here on it misses nothing
            for change in news.changes:
                assert isinstance(change, Record)
                if change.question == _LAST:
                    return delays
                delays.append((now - int(change.answer)) / 1e6)
    raise AssertionError  # a watch goes on until it is left
