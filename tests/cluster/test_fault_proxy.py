"""Each fault reaches the client as what it is, on the requests that were chosen, and nothing else changes."""

import json
import secrets
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.fault_proxy import FaultProxy, fault_proxy
from tests.cluster.faults import Fault, Kind, Request

MAPS = "/api/v1/namespaces/default/configmaps"
WATCH = f"{MAPS}?watch=true&resourceVersion=0"
PATIENCE_S = 300


@pytest.fixture
def proxy(api_cluster: Cluster, tmp_path: Path) -> Iterator[FaultProxy]:
    with fault_proxy(api_cluster.kubeconfig, tmp_path, seed=7) as proxy:
        yield proxy


class Client:
    """Plain requests through the proxy, which nothing retries. What it makes is its own: what it names, it names with its mark."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.mark = f"-{secrets.token_hex(3)}"
        self.server = proxy.server
        self.netloc = urllib.parse.urlsplit(proxy.server).netloc
        self.trust = ssl.create_default_context(cafile=str(proxy.kubeconfig.with_name("proxy.crt")))
        token = json.loads(proxy.kubeconfig.read_text())["users"][0]["user"]["token"]
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def open(self, method: str, path: str, body: object = None) -> HTTPResponse:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data, self.headers, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=PATIENCE_S, context=self.trust)  # noqa: S310

    def ask(self, path: str) -> "closing[HTTPSConnection]":
        """A connection on which `path` was asked for, whose `sock` may be told how long to wait for what is said on it."""
        connection = HTTPSConnection(self.netloc, timeout=PATIENCE_S, context=self.trust)
        connection.request("GET", path, headers=self.headers)
        return closing(connection)

    def create(self, name: str) -> dict[str, Any]:
        with self.open("POST", MAPS, {"metadata": {"name": name + self.mark}}) as reply:
            return json.load(reply)

    def names(self) -> set[str]:
        with self.open("GET", MAPS) as reply:
            return {self.named(each) for each in json.load(reply)["items"]}

    def named(self, found: dict[str, Any]) -> str:
        """What we call an object that was found."""
        return found["metadata"]["name"].removesuffix(self.mark)


@pytest.fixture
def client(proxy: FaultProxy) -> Client:
    return Client(proxy)


def refused(act: Callable[[], object]) -> urllib.error.HTTPError:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        act()
    return refusal.value


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.CONFLICT, "Conflict"),
        (Kind.TOO_MANY, "TooManyRequests"),
        (Kind.BROKEN, "InternalError"),
        (Kind.UNAVAILABLE, "ServiceUnavailable"),
    ],
)
def test_a_refusal(proxy: FaultProxy, client: Client, kind: Kind, reason: str) -> None:
    """The client gets Kubernetes' own Status, the API server hears nothing, and reads pass."""
    proxy.inject(Fault(kind=kind, seconds=3), verbs={"create"}, path="/configmaps$")
    refusal = refused(lambda: client.create(f"refused-{kind}"))
    assert (refusal.code, json.load(refusal)["reason"]) == (int(kind), reason)
    assert refusal.headers["Retry-After"] == ("3" if kind is Kind.TOO_MANY else None)
    assert f"refused-{kind}" not in client.names()
    assert proxy.met(kind) == 1


def test_a_programme(proxy: FaultProxy, client: Client) -> None:
    """The n-th such request meets the n-th fault, and those after the last pass."""
    proxy.program([None, Fault(kind=Kind.CONFLICT)], verbs={"create"})
    client.create("first")
    client.names()
    assert refused(lambda: client.create("second")).code == 409
    client.create("third")
    assert {"first", "third"} <= client.names()
    assert [each.fault for each in proxy.requests(verbs={"create"})] == [None, Kind.CONFLICT, None]


def test_chance(api_cluster: Cluster, tmp_path: Path) -> None:
    """The same seed gives the same faults to the same requests, about as often as asked for."""

    def faults() -> list[Kind | None]:
        with fault_proxy(api_cluster.kubeconfig, tmp_path, seed=3) as proxy:
            proxy.inject(Fault(kind=Kind.BROKEN), probability=0.3)
            return [fault.kind if fault else None for fault in (proxy.due(Request.of("GET", MAPS, "")) for _ in range(200))]

    once = faults()
    assert once == faults()
    assert 40 < once.count(Kind.BROKEN) < 80


@pytest.mark.parametrize(("kind", "done"), [(Kind.LOST_REQUEST, False), (Kind.LOST_ANSWER, True)])
def test_a_broken_connection(proxy: FaultProxy, client: Client, kind: Kind, *, done: bool) -> None:
    """The client cannot tell whether it was done: when the request was lost it was not, when the answer was it was."""
    name = kind.replace(" ", "-")
    proxy.program([Fault(kind=kind)], verbs={"create"})
    with pytest.raises((OSError, HTTPException)) as broken:
        client.create(name)
    assert not isinstance(broken.value, urllib.error.HTTPError)
    assert (name in client.names()) is done


def watched(client: Client) -> HTTPResponse:
    return client.open("GET", WATCH)


def test_gone(proxy: FaultProxy, client: Client) -> None:
    """A watch says 410 as an event of its stream and ends, a list as its status: as the API server does."""
    client.create("seen")
    proxy.inject(Fault(kind=Kind.GONE, events=1), verbs={"watch", "list"})
    with watched(client) as stream:
        first, last = [json.loads(line) for line in stream]
    assert first["type"] == "ADDED"
    assert (last["type"], last["object"]["code"], last["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert refused(client.names).code == 410


def test_a_watch_that_is_cut(proxy: FaultProxy, client: Client) -> None:
    """It ends in the middle of a line: when its fault says so, or all at once when the test does."""
    client.create("before-the-cut")
    proxy.program([Fault(kind=Kind.CUT, events=1)], verbs={"watch"})
    for cut in (lambda: None, proxy.cut_watches):
        with watched(client) as stream:
            assert json.loads(stream.readline())["type"] == "ADDED"
            cut()
            with pytest.raises((OSError, HTTPException)):
                stream.read()


def test_a_watch_that_falls_silent(proxy: FaultProxy, client: Client) -> None:
    """It stays open, and what happens does not show; another watch sees it."""
    proxy.program([Fault(kind=Kind.SILENT)], verbs={"watch"})
    with client.ask(WATCH) as connection, connection.getresponse() as deaf, watched(client) as well:
        client.create("unheard")
        while client.named(json.loads(well.readline())["object"]) != "unheard":
            pass
        connection.sock.settimeout(1)
        with pytest.raises(TimeoutError):
            deaf.readline()


def test_a_watch_that_is_late(proxy: FaultProxy, client: Client) -> None:
    """Each event has a wait of its own, and nothing of it is lost."""
    for name in ("late", "later"):
        client.create(name)
    proxy.program([Fault(kind=Kind.LATE, seconds=0.3)], verbs={"watch"})
    before = time.monotonic()
    with watched(client) as stream:
        told: set[str] = set()
        while not {"late", "later"} <= told:
            told.add(client.named(json.loads(stream.readline())["object"]))
            assert time.monotonic() - before >= 0.3 * len(told)


def test_a_slow_answer(proxy: FaultProxy, client: Client) -> None:
    """It comes after the client has lost patience, and is right for one who waits."""
    proxy.program([Fault(kind=Kind.SLOW, seconds=2 * PATIENCE_S), Fault(kind=Kind.SLOW, seconds=0.1)], verbs={"list"})
    with client.ask(MAPS) as connection:
        connection.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.getresponse()
    assert "kube-root-ca.crt" in client.names()


def test_a_request_that_is_held(proxy: FaultProxy, client: Client) -> None:
    """The API server hears of it when it is let go, not before; another one passes meanwhile."""
    proxy.program([Fault(kind=Kind.HELD)], verbs={"create"}, path="/configmaps$")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(client.create, "held")
        while not proxy.met(Kind.HELD):
            time.sleep(0.01)
        client.create("passes")
        assert {"held", "passes"} & client.names() == {"passes"}
        proxy.let_go()
        assert client.named(first.result()) == "held"
    assert "held" in client.names()


def test_without_faults(proxy: FaultProxy, api_cluster: Cluster) -> None:
    """Kubectl works through it as it does without it."""
    command = ["get", "clusterroles,clusterrolebindings,flowschemas", "-o", "name"]  # which are always the same, whoever was here before
    through = api_cluster.kubectl(*command, f"--kubeconfig={proxy.kubeconfig}")
    assert through == api_cluster.kubectl(*command)
    assert {each.verb for each in proxy.requests(path="/clusterroles$")} == {"list"}


@pytest.mark.parametrize(
    ("method", "path", "query", "verb"),
    [
        ("GET", "/api/v1/namespaces/default/pods", "", "list"),
        ("GET", "/api/v1/pods", "watch=1&labelSelector=a", "watch"),
        ("GET", "/api/v1/namespaces/default", "", "get"),
        ("GET", "/apis/tandem.dev/v1alpha1/trainingruns", "limit=500", "list"),
        ("GET", "/apis/tandem.dev/v1alpha1/namespaces/default/trainingruns/one", "", "get"),
        ("PATCH", "/apis/tandem.dev/v1alpha1/namespaces/default/trainingruns/one/status", "", "patch"),
        ("DELETE", "/api/v1/nodes/node1", "", "delete"),
    ],
)
def test_verbs(method: str, path: str, query: str, verb: str) -> None:
    """Requests are told apart in the words of Kubernetes."""
    assert Request.of(method, path, query).verb == verb
