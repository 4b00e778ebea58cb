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
from tandem.reasoning.v1 import reasoning_pb2 as wire
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceStub
from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster.dual import hearing
from tandem_operator.cluster.dual.hearing import Hearing
from tandem_operator.cluster.dual.keyring import Keyring
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.render.dual import objects
from tandem_rpc import ClientTls, channel_async

from tests.operator.cluster.clients import until
from tests.operator.cluster.secured import COUNT, KEY, secured
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
        run = created()
        async with secured(run, folder, monkeypatch):
            heard = Hearing(Keyring(KEY), lambda: datetime.now(UTC), Queue())
            await story(heard, run)
            await heard.close()

    asyncio.run(played())


def created() -> DualRun:
    """A run as an API server knows it."""
    run = dual()
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"creation_timestamp": datetime.now(UTC)})})


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
        await until("its word", lambda: total(heard, run) == COUNT)
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
        await until("its word", lambda: total(heard, run) == COUNT)
        with no_more_threads():
            heard.forget((run.metadata.namespace, run.name))
            assert heard.newest(run) is None
        await asyncio.to_thread(lambda: None)
        await until("the end of the line", channels[2].is_set)

    play(tmp_path, monkeypatch, story)


def test_a_coordinator_of_an_earlier_release_is_heard_in_plain_text_until_another_is_there(
    tmp_path: Path, channels: list[threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same token; then nothing is said in plain text any more."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = tmp_path / "before"
    before.mkdir()

    async def story(heard: Hearing, run: DualRun) -> None:
        address = objects.address(run)
        async with coordinating(before, job({"local": ["http://127.0.0.1:9/v1"]}), questions(1)) as earlier:
            monkeypatch.setattr(objects, "address", lambda _: earlier.address)
            assert heard.listen(run, plaintext=True)
            await until("its word", lambda: total(heard, run) == 1)
            assert heard.listen(run, plaintext=True)
            assert len(channels) == 1
        monkeypatch.setattr(objects, "address", lambda _: address)
        assert heard.listen(run)
        await until("the word of the next one", lambda: total(heard, run) == COUNT)
        await until("the end of the line", channels[0].is_set)
        (file,) = files(tmp_path)
        assert file.read_text() == Keyring(KEY).of(run).token

    play(tmp_path, monkeypatch, story)


def test_who_shows_another_certificate_is_shown_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handshake ends before the first call; in plain text, too, nobody is heard who wants TLS."""
    run = created()

    async def played() -> None:
        async with secured(run, tmp_path, monkeypatch, key=b"another" * 5):
            for wrong in (ClientTls(ca=Keyring(KEY).of(run).certificate.encode()), None):
                async with channel_async(objects.address(run), tls=wrong) as asked:
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await ReasoningServiceStub(asked).Watch(wire.WatchRequest()).read()
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(played())
