"""How an informer treats a server that answers, but with no watch, or with nothing that can be read: it comes again later each time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from tandem_operator.cluster.kube import informer as informing
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Informer
from tandem_operator.cluster.kube.limiter import Limiter

TRIES = 6


async def _ends_at_once(_: web.Request) -> web.StreamResponse:
    return web.Response(text="", content_type="application/json")


async def _refuses(_: web.Request) -> web.StreamResponse:
    return web.json_response({"kind": "Status", "code": 503}, status=503, headers={"Retry-After": "7"})


async def _says_what_nobody_can_read(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>sign in first</html>\n", content_type="text/html")


async def _paused(monkeypatch: pytest.MonkeyPatch, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> list[float]:
    """The pauses of an informer whose watches are answered so; no time passes in them."""
    pauses, enough = list[float](), asyncio.Event()

    async def things(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await answer(request)
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})

    async def pause(length_s: float) -> None:
        pauses.append(length_s)
        if len(pauses) == TRIES:
            enough.set()
        await real(0)

    real = asyncio.sleep
    async with _asked(things) as kube:
        monkeypatch.setattr(informing.asyncio, "sleep", pause)
        monkeypatch.setattr(informing, "_AT_ONCE_S", 60.0)  # however busy the machine is, these watches end at once
        following = asyncio.ensure_future(Informer(kube, "/things", lambda _: None, lambda _: None).follow())
        await enough.wait()
        monkeypatch.undo()
        following.cancel()
    return pauses[:TRIES]


@asynccontextmanager
async def _asked(things: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncGenerator[Kube]:
    """A client of a server whose only collection answers so."""
    app = web.Application()
    app.router.add_route("*", "/things", things)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    kube = Kube(Configuration(host=f"http://{host}:{port}"), Limiter(1000, 1000), lambda _: None, lambda: None)
    yield kube
    await kube.close()
    await runner.cleanup()


def test_watches_that_end_at_once_are_not_reopened_in_a_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end that comes at once is a failure like any other."""
    pauses = asyncio.run(_paused(monkeypatch, _ends_at_once))
    assert all(0.05 * 2**tried <= pause <= 0.1 * 2**tried for tried, pause in enumerate(pauses))


def test_the_time_that_the_server_asks_for_is_waited_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a part of it."""
    pauses = asyncio.run(_paused(monkeypatch, _refuses))
    assert min(pauses) >= 7


def test_a_page_of_somebody_on_the_way_is_no_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says 200 and means nothing: a failure like any other, and not the end of whoever follows."""
    pauses = asyncio.run(_paused(monkeypatch, _says_what_nobody_can_read))
    assert all(0.05 * 2**tried <= pause <= 0.1 * 2**tried for tried, pause in enumerate(pauses))


@pytest.mark.parametrize("said", ["<html>sign in first</html>", "[1]", '"text"'])
def test_an_answer_that_is_no_object_is_none(said: str) -> None:
    """Whether what was asked for was done, nobody knows."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=said, content_type="application/json")

    async def created() -> KubeError:
        async with _asked(answer) as kube:
            with pytest.raises(KubeError) as error:
                await kube.create("/things", {})
            return error.value

    error = asyncio.run(created())
    assert (error.silent, error.uncertain) == (True, True)
