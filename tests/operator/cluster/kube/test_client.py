"""The operator's client before a real API server that fails."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from tandem_operator.cluster.kube import client as module
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.lease import NotLeaderError

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.clients import client

MAPS = "/api/v1/namespaces/{}/configmaps"


class Asked:
    """What a client asks of the API server through the proxy, and what that counted."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy, self.failed = proxy, Counter[int]()
        self.asked = 0

    def __call__(self, act: Callable[[Kube], Awaitable[object]], left_s: float | None = None, held: int = 10**9) -> KubeError | None:
        """Do it; the error, if it fails. The right to write is there `held` times, for `left_s` each time."""

        def may_write() -> float | None:
            self.asked += 1
            if self.asked > held:
                raise NotLeaderError
            return left_s

        async def doing() -> KubeError | None:
            async with client(self.proxy.kubeconfig, failed=lambda status: self.failed.update([status]), may_write=may_write) as kube:
                try:
                    await act(kube)
                except KubeError as error:
                    return error
                return None

        return asyncio.run(doing())


@pytest.fixture
def asked(proxy: FaultProxy) -> Asked:
    return Asked(proxy)


@pytest.fixture
def maps(namespace: str) -> str:
    return MAPS.format(namespace)


def created(maps: str, name: str = "m") -> Callable[[Kube], Awaitable[object]]:
    return lambda kube: kube.create(maps, {"metadata": {"name": name}})


def test_asked_to_come_again(asked: Asked, api: Api, maps: str) -> None:
    """What was put off is not done, comes again after the time that the server named, and is then done once."""
    rule = asked.proxy.program([Fault(kind=Kind.TOO_MANY, seconds=2)], verbs={"create"}, path=maps)
    loop_s: list[float] = []

    async def act(kube: Kube) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        task = asyncio.ensure_future(kube.create(maps, {"metadata": {"name": "m"}}))
        await asyncio.sleep(1)
        assert not task.done()
        assert not api.exists(f"{maps}/m")
        await task
        loop_s.append(loop.time() - began)

    assert asked(act) is None
    assert loop_s[0] >= 2
    assert [each.fault for each in asked.proxy.requests(verbs={"create"}, path=maps)] == [Kind.TOO_MANY, None]
    assert asked.failed == {429: 1}
    asked.proxy.clear(rule)


def test_asked_to_come_again_for_ever(asked: Asked, maps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some times it is an error like others."""
    monkeypatch.setattr(module, "_POSTPONED", 1)
    asked.proxy.inject(Fault(kind=Kind.TOO_MANY, seconds=1), verbs={"create"}, path=maps)
    error = asked(created(maps))
    assert error
    assert error.status == 429
    assert asked.failed == {429: 2}


def test_a_write_that_was_done_though_it_is_said_to_have_failed(asked: Asked, api: Api, maps: str) -> None:
    """What comes again then meets itself: a conflict with that is no word of somebody else's, so nobody knows what came of it."""
    api.create(maps, {"metadata": {"name": "m"}})
    version = api.get(f"{maps}/m")["metadata"]["resourceVersion"]
    asked.proxy.program([Fault(kind=Kind.TIMED_OUT)], verbs={"patch"}, path=maps)
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "resourceVersion": version}, "data": {"a": "1"}}
    error = asked(lambda kube: kube.apply(f"{maps}/m", body))
    assert error
    assert (error.status, error.uncertain, asked.failed) == (500, True, {500: 1, 409: 1})
    assert api.get(f"{maps}/m")["data"] == {"a": "1"}
    asked.proxy.program([Fault(kind=Kind.TIMED_OUT)], verbs={"create"}, path=maps)
    error = asked(created(maps, "other"))
    assert error
    assert error.exists, "whose it is can be told by what is there"


def test_the_right_to_write_is_asked_for_each_time(asked: Asked, api: Api, maps: str) -> None:
    """A write that waited does not go out once the right to write is gone."""
    asked.proxy.inject(Fault(kind=Kind.TOO_MANY, seconds=1), verbs={"create"}, path=maps)
    with pytest.raises(NotLeaderError):
        asked(created(maps), held=1)
    assert len(asked.proxy.requests(verbs={"create"}, path=maps)) == 1
    assert not api.exists(f"{maps}/m")


def test_a_write_is_given_up_with_the_right_to_write(asked: Asked, api: Api, maps: str) -> None:
    """A request that hangs on its way is taken back before another replica may act, and is not carried out later."""
    asked.proxy.program([Fault(kind=Kind.SLOW, seconds=3600)] * 100, verbs={"create"}, path=maps)
    while not asked.proxy.unheard:  # on a busy machine it may be given up before it is on its way
        error = asked(created(maps), left_s=0.3)
        assert error
        assert error.status == 0
    assert not api.exists(f"{maps}/m")


def test_reads_need_no_right(asked: Asked, maps: str) -> None:
    """A stand-in watches, too."""
    assert asked(lambda kube: kube.get(maps), held=0) is None


@pytest.mark.parametrize(
    ("kind", "status"), [(Kind.BROKEN, 500), (Kind.UNAVAILABLE, 503), (Kind.CONFLICT, 409), (Kind.LOST_REQUEST, 0), (Kind.LOST_ANSWER, 0)]
)
def test_errors(asked: Asked, api: Api, maps: str, kind: Kind, status: int) -> None:
    """Each is raised as what it is, counted, and left to those who asked: only they know what to do."""
    asked.proxy.program([Fault(kind=kind)], verbs={"create"}, path=maps)
    error = asked(created(maps))
    assert error
    assert error.status == status
    assert asked.failed == {status: 1}
    assert api.exists(f"{maps}/m") is (kind is Kind.LOST_ANSWER)


def test_a_slow_answer(asked: Asked, maps: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for without end."""
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.3)
    asked.proxy.program([Fault(kind=Kind.SLOW, seconds=5)], verbs={"list"}, path=maps)
    error = asked(lambda kube: kube.get(maps))
    assert error
    assert error.status == 0
    assert "TimeoutError" in str(error)


def test_nobody_is_there(asked: Asked, maps: str) -> None:
    """No server is an error of the same kind."""

    async def act(kube: Kube) -> None:
        kube._host = "https://127.0.0.1:1"
        await kube.get(maps)

    error = asked(act)
    assert error
    assert error.status == 0


def test_delete_what_is_gone(asked: Asked, maps: str) -> None:
    """To delete twice is to delete."""
    assert asked(lambda kube: kube.delete(f"{maps}/nobody", {})) is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a beach 🏖️, a tree 🌳", None),
        ("é € \x85 \u2028 \ufeff \x7f", None),
        ('a quote " a backslash \\ud83c a tab \t', None),
        ("half of a pair \ud83c", "half of a pair \ufffd"),
    ],
)
def test_any_text_can_be_applied(asked: Asked, api: Api, maps: str, said: str, kept: str | None) -> None:
    """What workers say last is whatever their libraries say; it must not keep a status from being written."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"said": said}}
    assert asked(lambda kube: kube.apply(f"{maps}/m", body)) is None
    assert api.get(f"{maps}/m")["data"] == {"said": kept or said}


def test_one_owner_of_fields(asked: Asked, api: Api, maps: str) -> None:
    """What was applied and is left out the next time is gone; what others wrote stays."""

    async def act(kube: Kube) -> None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
        await kube.apply(f"{maps}/m", {**body, "data": {"ours": "1", "also": "2"}})
        api.patch(f"{maps}/m", {"data": {"theirs": "3"}})
        await kube.apply(f"{maps}/m", {**body, "data": {"ours": "4"}})

    assert asked(act) is None
    assert api.get(f"{maps}/m")["data"] == {"ours": "4", "theirs": "3"}
