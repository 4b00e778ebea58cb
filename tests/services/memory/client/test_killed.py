"""Clients of the real service, which is killed under them and comes back with its store."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tandem_memory.client import AsyncMemory, Memory, Record

from tests.services.memory.process import Service

Make = Callable[..., Record]
Eventually = Callable[[Callable[[], object]], None]
_KILLS = 3
_PATIENCE_S = 300.0  # a slow machine is no failure


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(tmp_path).start()
    yield made
    made.kill()


@pytest.fixture
def memory(service: Service) -> Iterator[Memory]:
    with Memory(service.address, "team", patience_s=_PATIENCE_S) as made:
        yield made


class Seen:
    """What a watch brought, in a thread of its own."""

    def __init__(self, memory: Memory) -> None:
        self.ids: list[str] = []
        self.keys: Counter[str] = Counter()
        self._watch = memory.watch()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        for news in self._watch:
            for change in news.changes:
                assert isinstance(change, Record)
                self.ids.append(change.id)
                self.keys[change.key] += 1

    def close(self) -> None:
        self._watch.close()
        self._thread.join()


def test_a_watcher_sees_every_record_exactly_once_however_often_the_service_is_killed(
    service: Service, memory: Memory, make: Make, eventually: Eventually
) -> None:
    """Under writers that go on: no gap, no duplicate, in the order that a scan has; acknowledged records are all there."""
    seen, stop = Seen(memory), threading.Event()

    def write(writer: int) -> list[str]:
        acknowledged: list[str] = []
        while not stop.is_set():
            batch = [make(len(acknowledged) + n, key=f"{writer}-{len(acknowledged) + n}") for n in range(3)]
            assert [each.known for each in memory.append(batch)].count(True) in {0, 3}  # a batch is taken in as a whole
            acknowledged += [each.key for each in batch]
        return acknowledged

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, n) for n in range(3)]
        for kill in range(_KILLS):
            eventually(lambda kill=kill: len(seen.ids) > 30 * (kill + 1))
            service.kill()
            service.start()
        before = len(seen.ids)
        eventually(lambda: len(seen.ids) > before)
        stop.set()
        acknowledged = {key for writer in writers for key in writer.result()}
    eventually(lambda: len(seen.keys) >= len(acknowledged))
    seen.close()
    assert set(seen.keys) == acknowledged
    assert set(seen.keys.values()) == {1}
    assert [each.id for each in memory.scan()] == seen.ids


def test_a_writer_loses_nothing_when_the_service_is_killed_under_its_stream(
    service: Service, memory: Memory, make: Make, eventually: Eventually
) -> None:
    """Whatever was acknowledged or under way is there once when the block is left, in the order of writing."""
    told: list[str] = []
    written = 0
    with memory.writer(lambda key, _: told.append(key)) as writer:
        for _ in range(_KILLS):
            for _ in range(300):
                writer.write(make(written, key=f"{written:05}"))
                written += 1
            eventually(lambda: told)
            service.kill()
            writer.write(make(written, key=f"{written:05}"))
            written += 1
            service.start()
        writer.write(make(written, key=f"{written:05}"))
    keys = [f"{n:05}" for n in range(written + 1)]
    assert told == keys
    assert writer.acknowledged == len(keys)
    assert [each.key for each in memory.scan()] == keys


def test_an_event_loop_loses_nothing_either(service: Service, make: Make) -> None:
    """A watching task and a writing one, the service killed between them."""

    async def watching(memory: AsyncMemory, keys: list[str], wanted: int) -> None:
        async with memory.watch() as watch:
            async for news in watch:
                keys.extend(change.key for change in news.changes if isinstance(change, Record))
                if len(keys) >= wanted:
                    return

    async def deed() -> list[str]:
        keys: list[str] = []
        async with AsyncMemory(service.address, "team", patience_s=_PATIENCE_S) as memory:
            watcher = asyncio.create_task(watching(memory, keys, 1200))
            async with memory.writer() as writer:
                for n in range(1200):
                    await writer.write(make(n, key=f"{n:05}"))
                    if n % 400 == 399:
                        await asyncio.to_thread(service.kill)
                        await asyncio.to_thread(service.start)
            await asyncio.wait_for(watcher, _PATIENCE_S)
        return keys

    assert asyncio.run(deed()) == [f"{n:05}" for n in range(1200)]


def test_a_watch_is_gone_on_with_by_another_process_s_cursor(service: Service, memory: Memory, make: Make) -> None:
    """A cursor that was kept is good after a restart, and begins where the last news ended."""
    memory.append([make(0), make(1)])
    with memory.watch() as watch:
        for news in watch:
            if news.changes:
                break
    cursor = watch.cursor
    service.kill()
    service.start()
    memory.append([make(2)])
    with memory.watch(cursor) as later:
        for news in later:
            if news.changes:
                assert [change.question for change in news.changes if isinstance(change, Record)] == ["question 2"]
                break
