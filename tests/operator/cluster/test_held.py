"""A request that a test holds: what is to happen before it is heard of does, however slow the machine is."""

from concurrent.futures import ThreadPoolExecutor

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.runs import eventually


def test_a_request_is_heard_of_when_it_is_let_go(api: Api, namespace: str, proxy: FaultProxy) -> None:
    """Not before; another one passes meanwhile."""
    through, maps = Api(proxy.kubeconfig), f"/api/v1/namespaces/{namespace}/configmaps"
    proxy.program([Fault(kind=Kind.HELD)], verbs={"create"}, path="/configmaps$")
    with ThreadPoolExecutor() as threads:
        first = threads.submit(through.create, maps, {"metadata": {"name": "held"}})
        eventually("it to be held", lambda: proxy.met(Kind.HELD))
        through.create(maps, {"metadata": {"name": "passes"}})
        assert {"held", "passes"} & {each["metadata"]["name"] for each in api.items(maps)} == {"passes"}
        proxy.let_go()
        assert first.result()["metadata"]["name"] == "held"
    assert api.exists(f"{maps}/held")
