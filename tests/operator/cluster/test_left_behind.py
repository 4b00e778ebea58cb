"""What has the name of something that a run is about to make: what is left of an earlier run, and what belongs to others."""

import pytest

from tests.operator.cluster.api import Api
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    return Run(api, namespace, "r")


def said(run: Run, words: str) -> bool:
    """Whether the run says so of its workers' places."""
    found = run.condition("Scheduled")
    return bool(found) and words in found["message"]


def test_pods_of_a_later_attempt_are_waited_for_too(run: Run, kubelets: Kubelets) -> None:
    """They have other names than those of the new run, and may still write where it will."""
    run.create()
    run.until(phase="Running")
    kubelets.end(run.namespace, "r-1-0", 143)
    run.until(phase="Running", attempt=2)
    kubelets.deaf.add((run.namespace, "r-2-0"))
    run.api.delete(run.path)
    eventually("it to be gone", lambda: not run.api.exists(run.path))
    run.create()
    eventually("the wait to be said", lambda: said(run, "pod r-2-0 of a deleted run of this name has not left yet"), lambda: run.status)
    new = run.found()["metadata"]["uid"]
    assert new not in {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()}
    kubelets.let_go(run.namespace, "r-2-0")
    run.until(phase="Running", attempt=1)
    assert {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()} == {new}


@pytest.mark.usefixtures("kubelets")
def test_a_service_of_somebody_else(run: Run) -> None:
    """It is never taken over: people are told what to do, and nothing is started that could not be found."""
    services = f"/api/v1/namespaces/{run.namespace}/services"
    run.api.create(services, {"metadata": {"name": "r-ranks"}, "spec": {"ports": [{"port": 80}]}})
    run.create(workers=2)
    found = run.until_condition("Scheduled", reason="Misconfigured")
    assert "Service r-ranks is there already, and is no run's: delete it, or give the run another name" in found["message"]
    assert run.pods() == {}
    run.api.delete(f"{services}/r-ranks")
    run.until(phase="Running", attempt=1)
