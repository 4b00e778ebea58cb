"""What the operator does for runs, on a real API server: from the first look to the last."""


import pytest

from tests.operator.cluster.api import Api
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    return Run(api, namespace, "r")


def test_a_life(run: Run, operator: Operator, kubelets: Kubelets) -> None:
    """Two workers come up, train, and are done."""
    run.create(workers=2)
    run.until(phase="Running")
    for name in run.pods():
        kubelets.end(run.namespace, name, 0)
    status = run.until(phase="Succeeded")
    assert (status["attempt"], status["failures"], status["preemptions"]) == (1, 0, 0)
    operator.stop()
