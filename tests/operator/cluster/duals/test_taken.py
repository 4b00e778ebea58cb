"""What becomes of the parts of a DualRun that wait for one whose name somebody else has."""

from collections.abc import Callable
from pathlib import Path

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import DUAL_SPEC, DualRun, eventually


def test_an_engine_is_taken_back_though_the_server_will_not_at_first(
    api: Api, namespace: str, proxy: FaultProxy, operators: Callable[..., Operator], tmp_path: Path
) -> None:
    """It would hold its machine for as long as the name is taken."""
    key = tmp_path / "key"
    key.write_text("k" * 64)
    operators(reasoning_image="localhost/tandem-reasoning:dev", key_file=str(key)).start()
    run = DualRun(api, namespace, "d")
    foreign = {"metadata": {"name": "d-coordinator-0-1"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    api.create(PODS.format(namespace), foreign)
    trouble = proxy.inject(Fault(kind=Kind.BROKEN), verbs={"delete"}, path=f"{namespace}/pods/d-engine-")
    with Kubelets(api, ("taken-1",), for_all=True).at_work():
        run.create(lanes=[{"name": "local", "kind": "Local", "engine": {"model": "models/local"}}, *DUAL_SPEC["lanes"][1:]])
        eventually("tries to take it back", lambda: proxy.met(Kind.BROKEN) > 2, lambda: run.status)
        assert run.pods()
        proxy.clear(trouble)
        eventually("the engine to be taken back", lambda: not run.pods(), run.pods)
        run.until_condition("Scheduled", reason="Misconfigured")
