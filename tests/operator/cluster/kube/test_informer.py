"""List and watch, through everything that can happen to them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tandem_operator.cluster.kube import informer as module
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.informer import Informer, Key, key_of

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.clients import client, until

MAPS = "/api/v1/namespaces/{}/configmaps"
OURS = {"labels": {"ours": "yes"}}


class Heard:
    """What an informer has told, in its order, and what there is by its word."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.there: dict[str, Json] = {}

    def changed(self, found: Json) -> None:
        self.told.append(("changed", key_of(found)[1]))
        self.there[key_of(found)[1]] = found

    def gone(self, key: Key) -> None:
        self.told.append(("gone", key[1]))
        del self.there[key[1]]

    def names(self) -> set[str]:
        return set(self.there)


class Maps:
    """ConfigMaps of a namespace, which an informer follows through the proxy."""

    def __init__(self, api: Api, proxy: FaultProxy, namespace: str) -> None:
        self.api, self.proxy, self.path = api, proxy, MAPS.format(namespace)

    def create(self, name: str, **data: str) -> Json:
        return self.api.create(self.path, {"metadata": {"name": name, **OURS}, "data": data})

    def delete(self, name: str) -> None:
        self.api.delete(f"{self.path}/{name}")

    @asynccontextmanager
    async def followed(self, heard: Heard | None = None) -> AsyncGenerator[tuple[Heard, Informer]]:
        async with client(self.proxy.kubeconfig) as kube:
            heard = heard or Heard()
            informer = Informer(kube, self.path, heard.changed, heard.gone, "ours=yes")
            following = asyncio.ensure_future(informer.follow())
            await informer.synced.wait()
            yield heard, informer
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def watched(self) -> bool:
        """Whether the watch is open, so that it can be cut."""
        return bool(self.proxy._watches)

    def lists(self) -> int:
        return len(self.proxy.requests(verbs={"list"}, path=self.path))


@pytest.fixture
def maps(api: Api, proxy: FaultProxy, namespace: str) -> Maps:
    return Maps(api, proxy, namespace)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long pauses between tries."""
    monkeypatch.setattr(module, "_LONGEST_PAUSE_S", 0.2)


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_what_is_there_and_what_comes(maps: Maps) -> None:
    """What was there is told before it is synced, and then each change; of what is deleted first its last words, then its end."""

    async def scene() -> None:
        maps.create("a")
        async with maps.followed() as (heard, _):
            assert heard.told == [("changed", "a")]
            maps.api.create(maps.path, {"metadata": {"name": "not-ours"}})
            maps.create("b")
            maps.api.patch(f"{maps.path}/a", {"data": {"x": "1"}})
            maps.delete("b")
            await until("all to be told", lambda: heard.told[-1] == ("gone", "b"))
            last_words = ("changed", "b")
            assert heard.told == [*(("changed", name) for name in "aba"), last_words, ("gone", "b")]
            assert heard.there["a"]["data"] == {"x": "1"}

    run(scene())


class Surprised(Heard):
    """Whom one object takes by surprise."""

    def changed(self, found: Json) -> None:
        if key_of(found)[1] == "nonsense":
            msg = "nobody foresaw this"
            raise OverflowError(msg)
        super().changed(found)


def test_what_cannot_be_understood(maps: Maps, caplog: pytest.LogCaptureFixture) -> None:
    """One object that nobody foresaw is told of in the log, and passed over: the others are followed as ever."""

    async def scene() -> None:
        maps.create("nonsense")
        async with maps.followed(Surprised()) as (heard, _):
            maps.create("sense")
            await until("the other to be told", lambda: heard.names() == {"sense"})

    run(scene())
    assert "nonsense cannot be understood, and is passed over" in caplog.text


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.GONE])
def test_a_watch_that_is_lost(maps: Maps, kind: Kind) -> None:
    """What comes and goes while it is down is told, whether the server still knows the version or not."""

    async def scene() -> None:
        maps.create("stays")
        maps.create("goes")
        async with maps.followed() as (heard, _):
            await until("the watch", maps.watched)
            down = maps.proxy.inject(Fault(kind=Kind.BROKEN), verbs={"watch"}, path=maps.path)
            maps.proxy.cut_watches()
            await until("the watch to be down", lambda: maps.proxy.met(Kind.BROKEN))
            maps.delete("goes")
            maps.create("comes")
            if kind is Kind.GONE:
                maps.proxy.program([Fault(kind=Kind.GONE)], verbs={"watch"}, path=maps.path)  # of use when the earlier one is cleared
            maps.proxy.clear(down)
            await until("both to be told", lambda: heard.names() == {"stays", "comes"})
        assert heard.told.count(("gone", "goes")) == 1
        assert maps.lists() == (2 if kind is Kind.GONE else 1)

    run(scene())


def test_pages(maps: Maps) -> None:
    """A thousand objects come in pages, and when the server forgets the list between two of them it is read from the start."""
    names = {f"m-{number:04}" for number in range(1000)}

    async def scene() -> None:
        async with client(maps.proxy.kubeconfig) as kube:
            room = asyncio.Semaphore(32)
            await asyncio.gather(*(_made(kube, room, maps.path, name) for name in names))
        maps.proxy.program([None, Fault(kind=Kind.GONE)], verbs={"list"}, path=maps.path)
        async with maps.followed() as (heard, _):
            assert heard.names() == names
            assert ("gone", "m-0000") not in heard.told
        assert maps.lists() == 4

    run(scene())


async def _made(kube: Kube, room: asyncio.Semaphore, path: str, name: str) -> None:
    async with room:
        await kube.create(path, {"metadata": {"name": name, **OURS}})


def test_a_large_object(maps: Maps) -> None:
    """Nearly a megabyte in one line of a watch."""
    large = "x" * 900_000

    async def scene() -> None:
        async with maps.followed() as (heard, _):
            maps.create("large", text=large)
            maps.create("small")
            await until("both", lambda: heard.names() == {"large", "small"})
            assert heard.there["large"]["data"]["text"] == large

    run(scene())


def test_a_watch_that_falls_silent(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, and the next goes on where it was."""
    monkeypatch.setattr(module, "_SILENT_S", 1.0)

    async def scene() -> None:
        maps.proxy.program([Fault(kind=Kind.SILENT)], verbs={"watch"}, path=maps.path)
        async with maps.followed() as (heard, _):
            await until("the watch", maps.watched)
            maps.create("unheard")
            await until("what it has not told", lambda: heard.names() == {"unheard"})

    run(scene())


def test_bookmarks(maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    """They move the version on where nothing of ours changes, so that it is not forgotten, and show that the watch lives."""
    monkeypatch.setattr(module, "_STREAM_S", 5)

    async def scene() -> None:
        async with maps.followed() as (heard, informer):
            before = int(informer._version)
            maps.api.create(maps.path, {"metadata": {"name": "not-ours"}})
            await until("a bookmark", lambda: int(informer._version) > before)
            assert heard.told == []
            assert informer.age_s(asyncio.get_running_loop().time()) < 60

    run(scene())


def test_troubles_of_every_kind(maps: Maps) -> None:
    """Whatever befalls lists and watches, in the end all is told that there is."""

    async def scene() -> None:
        for kind in (Kind.BROKEN, Kind.UNAVAILABLE, Kind.LOST_REQUEST, Kind.CUT, Kind.GONE):
            maps.proxy.inject(Fault(kind=kind, events=1), verbs={"watch", "list"}, path=maps.path, probability=0.2)
        async with maps.followed() as (heard, _):
            for number in range(40):
                maps.create(f"m-{number}")
                await asyncio.sleep(0.02)
                if number % 3 == 0:
                    maps.delete(f"m-{number}")
                if number % 10 == 0:
                    maps.proxy.cut_watches()
            maps.proxy.clear()
            await until("all to be told", lambda: heard.names() == {f"m-{number}" for number in range(40) if number % 3})

    run(scene())


def test_what_we_made_ourselves(maps: Maps) -> None:
    """It is told at once, and an answer that comes after its end does not bring it back."""

    async def scene() -> None:
        async with maps.followed() as (heard, informer):
            await until("the watch", maps.watched)
            down = maps.proxy.inject(Fault(kind=Kind.BROKEN), verbs={"watch"}, path=maps.path)
            maps.proxy.cut_watches()
            await until("the watch to be down", lambda: maps.proxy.met(Kind.BROKEN))
            made = maps.create("a")
            informer.learn(made)
            assert heard.names() == {"a"}
            maps.delete("a")
            maps.proxy.clear(down)
            await until("its end", lambda: not heard.names())
            informer.learn(made)
            assert heard.names() == set()

    run(scene())


def test_what_we_made_and_was_gone_before_a_new_list(maps: Maps) -> None:
    """No watch has ever told of it; the list that it is missing from does."""

    async def scene() -> None:
        async with maps.followed() as (heard, informer):
            await until("the watch", maps.watched)
            down = maps.proxy.inject(Fault(kind=Kind.BROKEN), verbs={"watch"}, path=maps.path)
            maps.proxy.cut_watches()
            await until("the watch to be down", lambda: maps.proxy.met(Kind.BROKEN))
            informer.learn(maps.create("a"))
            maps.delete("a")
            maps.proxy.clear(down)
            maps.proxy.program([Fault(kind=Kind.GONE)], verbs={"watch"}, path=maps.path)
            await until("its end", lambda: not heard.names())

    run(scene())


def test_another_of_the_same_name(maps: Maps) -> None:
    """The end of the first, told late, does not take the second away."""

    async def scene() -> None:
        async with maps.followed() as (heard, informer):
            await until("the watch", maps.watched)
            maps.create("a")
            await until("the first", lambda: heard.names() == {"a"})
            down = maps.proxy.inject(Fault(kind=Kind.BROKEN), verbs={"watch"}, path=maps.path)
            maps.proxy.cut_watches()
            await until("the watch to be down", lambda: maps.proxy.met(Kind.BROKEN))
            maps.delete("a")
            second = maps.create("a", number="2")
            informer.learn(second)
            maps.create("later")
            maps.proxy.clear(down)
            await until("the watch to be up", lambda: "later" in heard.names())
            assert heard.there["a"]["data"] == {"number": "2"}
            assert ("gone", "a") not in heard.told

    run(scene())
