"""What is proven from a record of what happened is only as good as the record: it has no gaps, and it can tell right from wrong."""

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.chronicle import History
from tests.operator.cluster.record import GapError, Record, Told
from tests.operator.cluster.runs import eventually

PLAIN = "/api/v1/namespaces/{}/configmaps"


@pytest.fixture
def collection(namespace: str, api: Api) -> str:
    """Plain objects that nobody but the test makes."""
    path = PLAIN.format(namespace)
    eventually("what Kubernetes puts into each namespace", lambda: api.items(path))
    return path


@pytest.fixture
def record(collection: str, proxy: FaultProxy, api: Api) -> Iterator[Record]:
    """Kept behind a server that makes the trouble of the test; it has begun."""
    with Record.of(Api(proxy.kubeconfig), collection) as record:
        _make(api, collection, "first")
        eventually("its first word", lambda: record.told)
        yield record


def _make(api: Api, collection: str, *names: str) -> str:
    """The version of the last of these objects, once they are there."""
    made = [api.create(collection, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}) for name in names]
    return made[-1]["metadata"]["resourceVersion"]


def test_a_record_goes_on_where_it_was_cut(record: Record, proxy: FaultProxy, api: Api, collection: str) -> None:
    """Whatever happens while its connection is away is told once, in its order; then it is all there."""
    troubles = [Fault(kind=Kind.CUT, events=1), Fault(kind=Kind.UNAVAILABLE), Fault(kind=Kind.CUT, events=2)]
    proxy.program(troubles, verbs={"watch"}, path="/configmaps")
    proxy.cut_watches()
    _make(api, collection, "a", "b", "c", "d")
    api.delete(f"{collection}/b")
    said = [(told.kind, told.name) for told in record.whole()]
    assert said == [*(("ADDED", name) for name in ("first", *"abcd")), ("DELETED", "b")]
    assert [each.fault for each in proxy.requests(verbs={"watch"})][-4:] == [Kind.CUT, Kind.UNAVAILABLE, Kind.CUT, None]


def test_a_record_of_a_quiet_place_does_not_fall_behind(collection: str, proxy: FaultProxy, api: Api) -> None:
    """What happens elsewhere is not told, but moves its place on: a server forgets old versions, whosever they were."""
    with Record.of(Api(proxy.kubeconfig), collection, turn_s=4) as record:
        version = int(_make(api, PLAIN.format("default"), f"elsewhere-{secrets.token_hex(3)}"))
        eventually("a watch from there on", lambda: _begun_at(proxy) >= version, lambda: _begun_at(proxy))
        assert record.whole() == []


def _begun_at(proxy: FaultProxy) -> int:
    """The newest version that a watch was begun at; 0 before the first."""
    return max((int(parse_qs(each.query)["resourceVersion"][0]) for each in proxy.requests(verbs={"watch"}, path="/configmaps")), default=0)


def test_a_record_is_read_up_where_the_server_remembers_nothing(record: Record, proxy: FaultProxy, api: Api, collection: str) -> None:
    """As after a new definition: its store still knows what happened, and in which order."""
    begun = record.told[0].version
    away = proxy.inject(Fault(kind=Kind.UNAVAILABLE), verbs={"watch"}, path="/configmaps")
    proxy.cut_watches()
    eventually("the watch to be down", lambda: proxy.met(Kind.UNAVAILABLE))
    _make(api, collection, "a", "b")
    api.patch(f"{collection}/a", {"data": {"of": "a person"}})
    api.delete(f"{collection}/b")
    last = int(_make(api, collection, "c"))
    proxy.program([Fault(kind=Kind.GONE)], verbs={"watch"}, path="/configmaps")
    proxy.clear(away)
    told = record.whole()
    happened = [("ADDED", "first"), ("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b"), ("ADDED", "c")]
    assert [(each.kind, each.name) for each in told] == happened
    versions = [each.version for each in told]
    assert versions == sorted(set(versions))
    assert (versions[0], versions[-1]) == (begun, last)
    assert proxy.met(Kind.GONE) == 1


@pytest.mark.parametrize("trouble", [Kind.GONE, Kind.CONFLICT])
def test_a_record_with_a_gap_is_none(record: Record, proxy: FaultProxy, api: Api, collection: str, trouble: Kind) -> None:
    """Where server and store have forgotten what was not told, or want no more of us, reading ends in an error and never in silence."""
    proxy.program([Fault(kind=Kind.GONE)], verbs={"list"}, path="/configmaps")
    proxy.program([Fault(kind=trouble)], verbs={"watch"}, path="/configmaps")
    proxy.cut_watches()
    _make(api, collection, "a")
    eventually("its end", lambda: not record.goes_on)
    proxy.clear()
    with pytest.raises(GapError, match=r"the record of .*/configmaps ends at version \d+"):
        record.whole()


def _pod(version: int, name: str, *, kind: str = "ADDED", uid: str = "", phase: str = "Running") -> Told:
    run, attempt, _ = name.rsplit("-", 2)
    labels = {"tandem.dev/run": run, "tandem.dev/attempt": attempt}
    found = {"metadata": {"name": name, "uid": uid or name, "labels": labels}, "status": {"phase": phase}}
    return Told(version=version, kind=kind, found=found)


def _run(version: int, **status: Any) -> Told:
    return Told(version=version, kind="MODIFIED", found={"metadata": {"name": "r", "uid": "r"}, "status": status})


RUN = (_run(1), _run(10, attempt=2))
FIRST, SECOND = (_pod(2, "r-1-0"), _pod(9, "r-1-0", phase="Failed", kind="MODIFIED")), _pod(11, "r-2-0")


def test_a_life_as_it_should_be_breaks_no_law() -> None:
    """The first attempt ends, the second is named, and then its pod is made."""
    history = History(runs=RUN, pods=(*FIRST, SECOND))
    assert list(history.breaches()) == []
    assert history.created() == {"r-1-0", "r-2-0"}


@pytest.mark.parametrize(
    ("pods", "breach"),
    [
        ((*FIRST, SECOND, _pod(12, "r-2-0", uid="another")), "pod r-2-0 was created 2 times"),
        ((FIRST[0], SECOND), "at version 11 attempts live side by side: ['r-1-0', 'r-2-0']"),
        ((*FIRST, _pod(9, "r-2-0")), "pod r-2-0 was created while the status of r said attempt [0]"),
    ],
)
def test_a_double_start_is_found(pods: tuple[Told, ...], breach: str) -> None:
    """A pod made twice, a second attempt beside the first, and one that nothing was written of before."""
    assert list(History(runs=RUN, pods=pods).breaches()) == [breach]


@pytest.mark.parametrize("lost", [{"failures": 0}, {"spentUsd": "0.5"}, {"startedAt": "later"}])
def test_a_lost_status_is_found(lost: dict[str, Any]) -> None:
    """A count or a sum that falls, and a moment that changes."""
    conditions = [{"type": kind} for kind in ("Accepted", "Scheduled", "Running", "Checkpointed", "BudgetOK")]
    conditions += [{"type": kind} for kind in ("Interrupted", "Suspended", "Complete", "Failed")]
    said = {"attempt": 1, "failures": 1, "spentUsd": "1", "startedAt": "now", "conditions": conditions}
    (breach,) = History(runs=(_run(1, **said), _run(2, **said | lost)), pods=()).breaches()
    assert breach.startswith(f"r at version 2: {next(iter(lost))} ")
