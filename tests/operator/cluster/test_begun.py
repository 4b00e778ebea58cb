"""Runs that have begun and are not accepted any more: cared for as far as they can be read."""

from collections.abc import Iterator

import pytest

from tests.operator.cluster.api import Api
from tests.operator.cluster.definitions import taking_everything
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.runs import Run, eventually
from tests.operator.cluster.test_refusals import BUDGETS

pytestmark = pytest.mark.usefixtures("kubelets", "operator")


@pytest.fixture
def lax(api: Api) -> Iterator[None]:
    """The definition as it might once have been, or might be one day: it takes everything."""
    with taking_everything(api, Run):
        yield


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    """One that trains, with one worker."""
    run = Run(api, namespace, "r").create()
    run.until(phase="Running")
    eventually("its worker to be held", lambda: [each["spec"]["minAvailable"] for each in api.items(BUDGETS.format(namespace))] == [1])
    return run


def test_it_can_still_be_suspended(run: Run) -> None:
    """A wish that comes with a mistake is heard; nothing begins before the mistake is mended."""
    run.edit(data={"source": "corpus"})
    run.until_condition("Accepted", status="False", reason="NotAccepted")
    assert run.status["phase"] == "Running"
    run.edit(suspend=True)
    run.until(phase="Suspended", attempt=1)
    eventually("its worker to be gone", lambda: not run.pods())
    run.edit(suspend=False)
    run.until(observedGeneration=4)
    assert (run.status["attempt"], run.pods()) == (1, {})
    run.edit(data={"source": "/corpus"})
    run.until(phase="Running", attempt=2)
    assert run.condition("Accepted")["status"] == "True"


def test_it_still_ends_with_its_money(run: Run) -> None:
    """Spend is added up and acted on whatever else is wrong."""
    run.edit(data={"source": "corpus"}, budget={"usd": 0.02, "usdPerWorkerHour": 36})
    run.until(phase="Suspended", reason="BudgetExhausted")
    assert run.condition("Accepted")["status"] == "False"


def test_a_fall_is_counted_once_it_is_mended(run: Run, kubelets: Kubelets) -> None:
    """The end of the attempt is told at once, the next one is named after the edit."""
    run.edit(data={"source": "corpus"})
    run.until_condition("Accepted", status="False")
    kubelets.end(run.namespace, "r-1-0", 1)
    run.until(phase="Stopping", reason="WorkerFailed", attempt=1, failures=0)
    run.edit(data={"source": "/corpus"})
    run.until(phase="Running", attempt=2, failures=1)


@pytest.mark.usefixtures("lax")
def test_fields_of_a_newer_release_take_no_limit_from_it(run: Run) -> None:
    """They are named, and what this release does know is heeded: the money, as here, and that it is to rest."""
    run.edit(colour="blue", budget={"usd": 0.02, "usdPerWorkerHour": 36})
    said = run.until_condition("Accepted", status="False")
    assert said["message"].startswith("spec.colour: ")
    run.until(phase="Suspended", reason="BudgetExhausted")


@pytest.mark.usefixtures("lax")
def test_a_drain_does_not_wait_for_a_run_that_cannot_be_read(run: Run) -> None:
    """Its workers go on, and are held no more; once it can be read they are again."""
    run.edit(workers="many")
    run.until_condition("Accepted", status="False")
    budgets = BUDGETS.format(run.namespace)
    eventually("it to be let go", lambda: run.api.items(budgets)[0]["spec"]["minAvailable"] == 0)
    assert run.api.items(budgets)[0]["spec"]["selector"]["matchLabels"] == {"tandem.dev/run": "r"}
    assert set(run.pods()) == {"r-1-0"}
    run.edit(workers=1)
    eventually("its worker to be held again", lambda: run.api.items(budgets)[0]["spec"]["minAvailable"] == 1)
    assert run.status["attempt"] == 1
