"""Which replica acts: contenders before a real API server, each with a clock that the test moves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.lease import Lease, NotLeaderError

from tests.cluster.cluster import Cluster
from tests.cluster.control.credentials import write_kubeconfig
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api, Object
from tests.operator.cluster.clients import client
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_process import asked
from tests.parts.running import free_port

RIGHTS = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


@dataclass
class Contenders:
    """Two replicas: the first behind the proxy, the second not. Each reads the same clock."""

    first: Lease
    second: Lease
    kube: Kube
    now: list[float] = field(default_factory=lambda: [1000.0])

    def wait(self, seconds: float) -> None:
        self.now[0] += seconds


@pytest.fixture
def contend(api_cluster: Cluster, proxy: FaultProxy, namespace: str) -> Callable[[Callable[[Contenders], Coroutine[Any, Any, None]]], None]:
    """Runs a scene with two contenders."""

    def run(scene: Callable[[Contenders], Coroutine[Any, Any, None]]) -> None:
        async def played() -> None:
            async with _contenders(proxy.kubeconfig, api_cluster.kubeconfig, namespace) as made:
                await scene(made)

        asyncio.run(played())

    return run


@asynccontextmanager
async def _contenders(first: Path, second: Path, namespace: str) -> AsyncGenerator[Contenders]:
    now = [1000.0]
    async with client(first) as kube, client(second) as other:
        yield Contenders(
            first=Lease(kube, namespace, "lease", "first", lambda: now[0]),
            second=Lease(other, namespace, "lease", "second", lambda: now[0]),
            kube=other,
            now=now,
        )


Contend = Callable[[Callable[[Contenders], Coroutine[Any, Any, None]]], None]


def test_one_holds(contend: Contend) -> None:
    """Of two who try at the same time one holds it, and goes on holding it for as long as it renews."""

    async def scene(both: Contenders) -> None:
        held = await asyncio.gather(both.first._tried(), both.second._tried())
        assert sorted(held) == [False, True]
        holder, other = (both.first, both.second) if held[0] else (both.second, both.first)
        for _ in range(20):
            both.wait(2)
            assert await holder._tried()
            assert not await other._tried()
            assert holder.held
            assert not other.held

    contend(scene)


def test_after_its_death(contend: Contend) -> None:
    """It is taken over when it was seen unchanged for its whole length, and not a moment before."""

    async def scene(both: Contenders) -> None:
        assert await both.first._tried()
        both.wait(100)
        assert not await both.second._tried()
        both.wait(14.9)
        assert not await both.second._tried()
        both.wait(0.2)
        assert await both.second._tried()
        assert not await both.first._tried()

    contend(scene)


def test_whatever_wall_clocks_say(contend: Contend, api: Api, namespace: str) -> None:
    """A time stamp of long ago, or of tomorrow, makes no difference: only that it changes does."""

    async def scene(both: Contenders) -> None:
        assert await both.first._tried()
        for stamp in ("2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", "2001-01-01T00:00:00.000000Z"):
            api.patch(f"{LEASES.format(namespace)}/lease", {"spec": {"renewTime": stamp, "acquireTime": stamp}})
            assert not await both.second._tried()
            both.wait(14)
            assert not await both.second._tried()
        both.wait(2)
        assert await both.second._tried()

    contend(scene)


def test_cut_off(contend: Contend, proxy: FaultProxy) -> None:
    """A holder that the API cannot be reached from stops writing well before another may begin."""

    async def scene(both: Contenders) -> None:
        assert await both.first._tried()
        assert not await both.second._tried()
        proxy.inject(Fault(kind=Kind.LOST_REQUEST), path="/leases")
        for _ in range(4):
            both.wait(2)
            await both.first._tried()
            assert both.first.held
            assert both.first.check() == pytest.approx(15 - (both.now[0] - 1000))
        both.wait(2)
        await both.first._tried()
        with pytest.raises(NotLeaderError):
            both.first.check()
        assert not await both.second._tried()
        both.wait(4.9)
        assert not await both.second._tried()
        both.wait(0.2)
        assert await both.second._tried()

    contend(scene)


def test_an_answer_that_is_lost(contend: Contend, proxy: FaultProxy) -> None:
    """The lease is ours although we were not told: we hold nothing until we know, and nobody else does."""

    async def scene(both: Contenders) -> None:
        proxy.program([Fault(kind=Kind.LOST_ANSWER)], verbs={"create", "update"}, path="/leases")
        assert not await both.first._tried()
        assert not await both.second._tried()
        assert await both.first._tried()

    contend(scene)


def test_taken_by_hand(contend: Contend, api: Api, namespace: str) -> None:
    """Whoever sees another's name on it stops at once, whatever time would be left."""

    async def scene(both: Contenders) -> None:
        assert await both.first._tried()
        api.patch(f"{LEASES.format(namespace)}/lease", {"spec": {"holderIdentity": "somebody"}})
        assert not await both.first._tried()
        assert not both.first.held

    contend(scene)


def test_given_back(contend: Contend, api: Api, namespace: str) -> None:
    """The next one begins at once; what was another's is not given back."""

    async def scene(both: Contenders) -> None:
        assert await both.first._tried()
        await both.first.release()
        assert not both.first.held
        assert await both.second._tried()
        await both.first.release()
        assert api.get(f"{LEASES.format(namespace)}/lease")["spec"]["holderIdentity"] == "second"

    contend(scene)


def test_what_stands_in_it(contend: Contend, api: Api, namespace: str) -> None:
    """Holder, times and changes of hands, as `kubectl get leases` and other tools read them."""

    async def scene(both: Contenders) -> None:
        await both.first._tried()
        acquired = api.get(f"{LEASES.format(namespace)}/lease")["spec"]
        await both.first._tried()
        renewed = api.get(f"{LEASES.format(namespace)}/lease")["spec"]
        assert (renewed["holderIdentity"], renewed["leaseDurationSeconds"]) == ("first", 15)
        assert renewed["acquireTime"] == acquired["acquireTime"]
        assert renewed["renewTime"] > acquired["renewTime"]
        await both.first.release()
        await both.second._tried()
        assert api.get(f"{LEASES.format(namespace)}/lease")["spec"]["leaseTransitions"] == renewed["leaseTransitions"] + 1

    contend(scene)


def test_an_api_server_that_is_away_for_a_moment(contend: Contend, proxy: FaultProxy, namespace: str) -> None:
    """Who has read the Lease stays a stand-in for half a minute without it, and is one again as soon as it is read."""

    async def scene(both: Contenders) -> None:
        assert await both.second._tried()
        assert both.first.unreached == f"Lease {namespace}/lease was not read yet"
        assert not await both.first._tried()
        assert not both.first.unreached
        proxy.inject(Fault(kind=Kind.LOST_REQUEST), path="/leases")
        for _ in range(15):
            both.wait(2)
            assert await both.second._tried()
            assert not await both.first._tried()
            assert not both.first.unreached
        both.wait(2)
        assert f"Lease {namespace}/lease could be neither read nor written" in both.first.unreached
        proxy.clear()
        assert not await both.first._tried()
        assert not both.first.unreached

    contend(scene)


def test_rights_that_nobody_granted(
    api: Api, api_cluster: Cluster, namespace: str, operators: Callable[..., Operator], tmp_path: Path
) -> None:
    """The operator is not ready, for it can never act; its log says once which right to which Lease is missing. Granted, it acts."""
    theirs, port = tmp_path / "operator.conf", free_port()
    api_cluster.kubectl("create", "serviceaccount", "operator", "-n", namespace)
    token = api_cluster.kubectl("create", "token", "operator", "-n", namespace).strip()
    write_kubeconfig(theirs, api_cluster.site.server, token, api_cluster.site.pki / "ca.crt")
    operator = operators(theirs, probes_listen=f"127.0.0.1:{port}").start()

    def lacks(verb: str) -> None:
        said = f"Lease {namespace}/tandem-operator: the right to {verb} it is missing"
        eventually(f"the right to {verb} to be missed", lambda: said in asked(port, "/readyz")[1], lambda: asked(port, "/readyz"))
        assert operator.last_words().count(said) == 1
        assert asked(port, "/healthz")[0] == 200, "a new start would not help"

    def grant(*verbs: str) -> None:
        api.patch(f"{RIGHTS.format(namespace)}/roles/operator", _role(*verbs), "apply")

    lacks("get")
    grant("get")
    api.create(f"{RIGHTS.format(namespace)}/rolebindings", _binding(namespace))
    lacks("create")
    api.create(LEASES.format(namespace), _unheld())
    lacks("update")
    grant("get", "create", "update")
    eventually("it to act", lambda: "one acts" in operator.last_words(), operator.last_words)
    assert asked(port, "/readyz")[0] == 200


def _role(*verbs: str) -> Object:
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "operator"}, "rules": [rule]}


def _binding(namespace: str) -> Object:
    return {
        "metadata": {"name": "operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace}],
    }


def _unheld() -> Object:
    return {"metadata": {"name": "tandem-operator"}, "spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}


@pytest.mark.usefixtures("kubelets")
def test_two_operators(api: Api, namespace: str, operators: Callable[..., Operator]) -> None:
    """One acts; the other takes over after its death, and, when asked to, as soon as the first has left."""
    first, second = operators(identity="a").start(), operators(identity="b")
    eventually("the first to act", lambda: "a acts" in first.last_words())
    second.start()
    Run(api, namespace, "one").create().until(phase="Running")
    assert "cares for" not in second.last_words()
    first.kill()
    api.patch(f"{LEASES.format(namespace)}/tandem-operator", {"spec": {"leaseDurationSeconds": 1}})  # of the minutes that it lasts here
    Run(api, namespace, "two").create().until(phase="Running")
    assert "b acts" in second.last_words()
    first.start()
    second.stop()
    Run(api, namespace, "three").create().until(phase="Running")
    assert first.last_words().count("a acts") == 2
