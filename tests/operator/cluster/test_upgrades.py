"""What changes under live runs, and must not disturb them: definitions, operators, clocks."""

import copy
from collections.abc import Callable, Iterator

import pytest

from tests.operator.cluster.api import Api, Object
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/trainingruns.tandem.dev"


def _becomes(run: Run, *, known: bool) -> None:
    """The server takes a changed definition in when it has time to; it keeps what it does not know (yet, or any more) to itself."""
    tried = Run(run.api, run.namespace, "tried")
    eventually(f"motto to be known: {known}", lambda: ("motto" in tried.would_be(motto="per aspera")) is known)


@pytest.fixture
def newer(api: Api, run: Run) -> Iterator[Callable[[], None]]:
    """Brings a newer definition: it has one field more in the spec, and one in the status. Returns once the server goes by it."""
    before = api.get(CRD)["spec"]["versions"]
    versions = copy.deepcopy(before)
    fields: Object = versions[0]["schema"]["openAPIV3Schema"]["properties"]
    fields["spec"]["properties"]["motto"] = {"type": "string"}
    fields["status"]["properties"]["mood"] = {"type": "string"}

    def bring() -> None:
        api.patch(CRD, {"spec": {"versions": versions}})
        _becomes(run, known=True)

    yield bring
    api.patch(CRD, {"spec": {"versions": before}})
    _becomes(run, known=False)  # or the next test would be answered by what is on its way out


@pytest.mark.usefixtures("kubelets")
def test_a_newer_definition(run: Run, operator: Operator, newer: Callable[[], None]) -> None:
    """Nothing restarts, and the runs are cared for as before."""
    run.create(workers=2)
    run.until(phase="Running")
    before = {name: pod["metadata"]["uid"] for name, pod in run.pods().items()}
    newer()
    run.api.patch(run.path, {"metadata": {"labels": {"somebody": "here"}}})
    Run(run.api, run.namespace, "later").create().until(phase="Running")
    assert {name: pod["metadata"]["uid"] for name, pod in run.pods().items()} == before
    run.until(phase="Running", attempt=1)
    run.edit(suspend=True)
    run.until(phase="Suspended", attempt=1)
    operator.stop()


@pytest.mark.usefixtures("kubelets", "operator")
def test_a_field_that_this_operator_does_not_know(run: Run, newer: Callable[[], None]) -> None:
    """It is named and nothing is started: the definition is ahead of the operator. Taken out, the run starts."""
    newer()
    run.create(motto="per aspera")
    said = run.until_condition("Accepted", status="False")
    assert "spec.motto" in said["message"]
    run.edit(motto=None)
    run.until(phase="Running", attempt=1)


@pytest.mark.usefixtures("kubelets")
def test_a_newer_operator(run: Run, operators: Callable[..., Operator]) -> None:
    """The next operator takes the runs over as they are."""
    first = operators().start()
    run.create(workers=2)
    status = run.until(phase="Running")
    first.stop()
    operators().start()
    Run(run.api, run.namespace, "later").create().until(phase="Running")
    assert run.status == status
    assert set(run.pods()) == {"r-1-0", "r-1-1"}


@pytest.mark.parametrize("hours", [3, -3])
def test_a_clock_that_jumps(run: Run, operators: Callable[..., Operator], kubelets: Kubelets, hours: int) -> None:
    """An operator whose wall clock is hours off keeps its Lease and disturbs no run that has no deadline; new ones start."""
    operator = operators(jump_s=str(hours * 3600)).start()
    run.create(workers=2)
    run.until(phase="Running")
    operator.jump()
    eventually("the jump", lambda: "the clock is" in operator.last_words())
    kubelets.end(run.namespace, "r-1-1", 1)
    run.until(phase="Running", attempt=2, failures=1)
    Run(run.api, run.namespace, "later").create().until(phase="Running", attempt=1)
    for rank in (0, 1):
        kubelets.end(run.namespace, f"r-2-{rank}", 0)
    run.until(phase="Succeeded", attempt=2, failures=1, preemptions=0)
    assert operator.last_words().count("acts") == 1
    operator.stop()
