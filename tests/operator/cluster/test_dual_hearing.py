"""How the operator hears coordinators on a machine that is out of disk or threads: later, and until then nothing is held up or left."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import tandem_rpc
from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster.dual import hearing
from tandem_operator.cluster.dual.hearing import Hearing
from tandem_operator.cluster.dual.tokens import Tokens
from tandem_operator.cluster.turns.queue import Queue

from tests.operator.cluster.clients import until
from tests.operator.plan.dual.runs import dual
from tests.parts.thread_limit import no_more_threads
from tests.services.reasoning.coordination import coordinating, job, questions


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tokens are put, which is no folder yet: nobody can write there, whatever his rights."""
    found = tmp_path / "disk"
    found.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(found))
    return found


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> list[threading.Event]:
    """For each channel that is made whether it was closed."""
    made = list[threading.Event]()
    make = tandem_rpc.channel

    def making(*where: Any, **how: Any) -> grpc.Channel:
        new, closed = make(*where, **how), threading.Event()
        close = new.close
        monkeypatch.setattr(new, "close", lambda: (close(), closed.set()))
        made.append(closed)
        return new

    monkeypatch.setattr(tandem_rpc, "channel", making)
    return made


def play(folder: Path, monkeypatch: pytest.MonkeyPatch, story: Callable[[Hearing, DualRun], Coroutine[Any, Any, None]]) -> None:
    """A story of who may be heard, and a coordinator of three questions to be heard in it."""

    async def played() -> None:
        async with coordinating(folder, job({"local": ["http://127.0.0.1:9/v1"]}), questions(3)) as coordinator:
            monkeypatch.setattr(hearing.objects, "address", lambda _: coordinator.address)
            heard = Hearing(Tokens(b"k" * 32), lambda: datetime.now(UTC), Queue())
            await story(heard, dual())
            await heard.close()

    asyncio.run(played())


def mended(disk: Path) -> None:
    """There is room again."""
    disk.unlink()
    disk.mkdir()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("tandem-tokens-*/*") if path.is_file()]


def total(heard: Hearing, run: DualRun) -> int | None:
    said = heard.newest(run)
    return said.total if said else None


def test_where_no_token_can_be_written_it_is_tried_again(
    tmp_path: Path, disk: Path, channels: list[threading.Event], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That is said once; once there is a place the coordinator is heard."""
    caplog.set_level(logging.INFO, logger=hearing.__name__)

    async def story(heard: Hearing, run: DualRun) -> None:
        for _ in range(3):
            assert not heard.listen(run)
            assert heard.newest(run) is None
        assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
            "its coordinator cannot be listened to yet, and its run goes on without: Not a directory"
        ]
        mended(disk)
        assert heard.listen(run)
        await until("its word", lambda: total(heard, run) == 3)
        assert len(files(disk)) == 1
        assert heard.listen(run)
        heard.forget((run.metadata.namespace, run.name))
        await until("the end of the line", channels[0].is_set)
        assert heard.newest(run) is None
        assert not files(disk)
        assert len(channels) == 1

    play(tmp_path, monkeypatch, story)


def test_without_a_thread_it_is_tried_again_and_nothing_is_left_of_a_try(
    tmp_path: Path, channels: list[threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a channel nor a token; a run that is forgotten meanwhile is listened to until there is a thread that can end it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def story(heard: Hearing, run: DualRun) -> None:
        with no_more_threads():
            assert not heard.listen(run)
            assert not heard.listen(run)
        assert [closed.is_set() for closed in channels] == [True, True]
        assert not files(tmp_path)
        assert heard.listen(run)
        await until("its word", lambda: total(heard, run) == 3)
        with no_more_threads():
            heard.forget((run.metadata.namespace, run.name))
            assert heard.newest(run) is None
        await asyncio.to_thread(lambda: None)
        await until("the end of the line", channels[2].is_set)

    play(tmp_path, monkeypatch, story)
