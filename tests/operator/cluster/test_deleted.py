"""A run that is being deleted while somebody holds it by a finalizer: what it owns would go only after it."""

from collections.abc import Iterator

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.operator.cluster.api import PODS
from tests.operator.cluster.kubelets import Kubelets, silent
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("operator")
HELD = "tandem.test/held"
BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"


@pytest.fixture
def held(run: Run, kubelets: Kubelets) -> Iterator[Run]:
    """A run of two workers that runs, and that somebody holds until the test is over."""
    assert kubelets
    run.create(workers=2)
    run.until(phase="Running")
    run.api.patch(run.path, {"metadata": {"finalizers": [HELD]}})
    yield run
    run.api.patch(run.path, {"metadata": {"finalizers": None}})


def test_its_workers_leave_at_once(held: Run, kubelets: Kubelets) -> None:
    """They have their grace, for a checkpoint, and hold up no drain; of one whose machine is lost meanwhile the object goes."""
    kubelets.deaf |= {(held.namespace, "r-1-0"), (held.namespace, "r-1-1")}
    held.api.delete(held.path)
    eventually("both to be asked", lambda: all("deletionTimestamp" in pod["metadata"] for pod in held.pods().values()))
    pods = held.pods()
    assert pods.keys() == {"r-1-0", "r-1-1"}
    graces = [(pod["metadata"]["deletionGracePeriodSeconds"], pod["spec"]["terminationGracePeriodSeconds"]) for pod in pods.values()]
    assert all(given == wanted > 0 for given, wanted in graces)
    budget = f"{BUDGETS.format(held.namespace)}/r"
    eventually("evictions to be let through", lambda: held.api.get(budget)["spec"]["minAvailable"] == 0)
    kubelets.let_go(held.namespace, "r-1-0")
    eventually("one to have left", lambda: held.pods().keys() == {"r-1-1"}, held.pods)
    with silent(held.api, pods["r-1-1"]["spec"]["nodeName"]):
        eventually("the other to be given up", lambda: not held.pods(), held.pods)
    assert held.api.exists(held.path)


def test_workers_that_are_to_outlive_it_stay(held: Run, proxy: FaultProxy) -> None:
    """Also once the garbage collector has disowned them, and the run is held by others alone."""
    held.api.delete(held.path, propagationPolicy="Orphan")
    for name in held.pods():  # as the garbage collector does, once it has heard of our definitions, half a minute after they are there
        held.api.patch(f"{PODS.format(held.namespace)}/{name}", {"metadata": {"ownerReferences": None}})
    held.api.patch(held.path, {"metadata": {"finalizers": [HELD]}})
    for word in ("one", "another"):  # when the second look begins, the first is over
        lists = len(_requests(held, proxy, "list"))
        held.api.patch(held.path, {"metadata": {"annotations": {"tandem.test/word": word}}})
        eventually("a look", lambda before=lists: len(_requests(held, proxy, "list")) > before)
    assert _requests(held, proxy, "delete") == []
    assert held.pods().keys() == {"r-1-0", "r-1-1"}


def _requests(run: Run, proxy: FaultProxy, verb: str) -> list[object]:
    """Those that were about the run's pods."""
    return [*proxy.requests(verbs={verb}, path=rf"{PODS.format(run.namespace)}(/r-.*)?$")]
