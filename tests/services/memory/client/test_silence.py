"""A service that hangs under those who listen: a real process that is stopped, which answers nothing and closes nothing."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tandem_memory.client import AsyncMemory, Memory, News, Record, UnreachableError
from tandem_rpc import options

from tests.services.memory.process import Service

_PATIENCE_S = 45  # a connection that is silent is given up after 20 s; gRPC by itself would wait for a minute
_SAID = "has fallen silent; see whether it hangs, or the network between is gone"
_LARGE = 200_000  # characters: a hundred of them are more than what is on its way when nobody reads

Said = list[str]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """One with more than a connection holds, whose clients ask after a second of silence whether it is there."""
    monkeypatch.setitem(options._CHANNEL, "grpc.keepalive_time_ms", 1000)
    made = Service(tmp_path / "service").start()
    with Memory(made.address, "n", patience_s=120) as memory:
        memory.append([Record(question=f"what is {n}", answer="x" * _LARGE) for n in range(100)])
    yield made
    made.kill()


def export(address: str, said: Said, begun: Callable[[], object]) -> None:
    """Reads one record, then the rest once the service is stopped."""
    with Memory(address, "n") as memory:
        records = memory.export()
        next(records)
        begun()
        try:
            said.append(f"all {sum(1 for _ in records)}")
        except UnreachableError as error:
            said.append(str(error))


def export_in_a_loop(address: str, said: Said, begun: Callable[[], object]) -> None:
    async def deed() -> None:
        async with AsyncMemory(address, "n") as memory:
            records = aiter(memory.export())
            await anext(records)
            await asyncio.to_thread(begun)
            try:
                said.append(f"all {len([each async for each in records])}")
            except UnreachableError as error:
                said.append(str(error))

    asyncio.run(deed())


def watch(address: str, said: Said, begun: Callable[[], object]) -> None:
    """Listens until something was appended."""
    with Memory(address, "n") as memory, memory.watch(only_new=True) as news:
        for number, each in enumerate(news):
            if not number:
                begun()
            if heard(each, said):
                return


def watch_in_a_loop(address: str, said: Said, begun: Callable[[], object]) -> None:
    async def deed() -> None:
        async with AsyncMemory(address, "n") as memory, memory.watch(only_new=True) as news:
            begins = True
            async for each in news:
                if begins:
                    await asyncio.to_thread(begun)
                begins = False
                if heard(each, said):
                    return

    asyncio.run(deed())


def heard(news: News, said: Said) -> bool:
    said += [change.question for change in news.changes if isinstance(change, Record)]
    return bool(said)


def test_a_service_that_hangs_is_given_up(
    service: Service, eventually: Callable[[Callable[[], object]], None], caplog: pytest.LogCaptureFixture
) -> None:
    """An export ends with the error that says so; a watch goes on from where it was once the service answers again."""
    exports, watches = (export, export_in_a_loop), (watch, watch_in_a_loop)
    barrier, said = threading.Barrier(len(exports) + len(watches) + 1), [Said() for _ in (*exports, *watches)]
    threads = [
        threading.Thread(target=each, args=(service.address, what, lambda: (barrier.wait(), barrier.wait())), daemon=True)
        for each, what in zip((*exports, *watches), said, strict=True)
    ]
    for each in threads:
        each.start()
    barrier.wait()
    service.signal(signal.SIGSTOP)
    barrier.wait()
    deadline = time.monotonic() + _PATIENCE_S
    for each in threads[: len(exports)]:
        each.join(deadline - time.monotonic())
    silent = f"memory at {service.address}: {_SAID}"
    assert said[: len(exports)] == [[silent]] * len(exports)
    eventually(lambda: [each.message for each in caplog.records].count(f"{silent}; watching again once it answers") == len(watches))
    service.signal(signal.SIGCONT)
    with Memory(service.address, "n", patience_s=120) as memory:
        memory.append([Record(question="late")])
    for each in threads:
        each.join()
    assert said[len(exports) :] == [["late"]] * len(watches)
