"""From just before an append until each of many readers has it, at a steady rate of appends: `python -m tests.bench.memory --only watch`.

Appends are begun by the clock whether or not those before them are done, so that one that waits makes none of the others late.
Readers are in processes of their own, a connection for each watch; Linux has one monotonic clock for all of them.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.memory.line import say
from tests.bench.memory.peers import tandem
from tests.bench.memory.workload import Workload, text

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
    written = asyncio.run(_write(address, work, seconds))
    told: list[list[float]] = [delays for _ in readers for delays in answers.get(timeout=_PATIENCE_S)]
    for reader in readers:
        reader.join()
    assert [len(each) for each in told] == [written.appends] * _READERS, "a reader was not told of every append, once"
    return written, np.concatenate(told)


async def _write(address: str, work: Workload, seconds: float) -> Written:
    from tandem_memory.client import AsyncMemory, Record

    vectors, under_way = np.array(work.vectors[:_RATE]), list[asyncio.Task[Any]]()
    async with AsyncMemory(address, _NAMESPACE) as memory:

        async def append(number: int) -> None:
            record = Record(question=text(number), answer=str(time.monotonic_ns()), vector=vectors[number % len(vectors)])
            await memory.append([record])

        began = time.monotonic()
        for number in range(int(seconds * _RATE)):
            await asyncio.sleep(began + number / _RATE - time.monotonic())
            under_way.append(asyncio.create_task(append(number)))
        await asyncio.gather(*under_way)
        took_s = time.monotonic() - began
        await memory.append([Record(question=_LAST, vector=vectors[0])])
    return Written(appends=len(under_way), took_s=took_s)


def _readers(address: str, count: int, there: Any, answers: Any) -> None:
    """So many watches in this process."""

    async def all_of_them() -> Sequence[list[float]]:
        return await asyncio.gather(*(_read(address, there) for _ in range(count)))

    answers.put(asyncio.run(all_of_them()))


async def _read(address: str, there: Any) -> list[float]:
    """Milliseconds that each delivery took, until the last."""
    from tandem_memory.client import AsyncMemory, Record

    delays: list[float] = []
    async with AsyncMemory(address, _NAMESPACE) as memory, memory.watch(only_new=True) as watch:
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
