"""Machines that a test plays are at work for as long as it runs, whatever trouble they have with the API server."""

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import eventually


@pytest.mark.parametrize("kind", [Kind.GONE, Kind.BROKEN, Kind.CUT])
def test_a_pod_comes_up_though_its_machine_was_refused(api: Api, namespace: str, proxy: FaultProxy, kind: Kind) -> None:
    """A watch that the server no longer wants, or cannot serve, and then not even a list: all is read anew."""
    proxy.program([None, Fault(kind=Kind.TOO_MANY)], verbs={"list"}, path="^/api/v1/pods$")
    proxy.program([Fault(kind=kind)], verbs={"watch"}, path="^/api/v1/pods$")
    with Kubelets(Api(proxy.kubeconfig), ("hand-3",)).at_work():
        eventually("the refusal", lambda: proxy.met(kind))
        pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "hand-3", "containers": [{"name": "c", "image": "i"}]}}
        api.create(PODS.format(namespace), pod)
        eventually("it to come up", lambda: api.get(f"{PODS.format(namespace)}/p")["status"].get("phase") == "Running")
        api.delete(f"{PODS.format(namespace)}/p", gracePeriodSeconds=0)
