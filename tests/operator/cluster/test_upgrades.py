"""What changes under live runs, and must not disturb them: definitions, operators, clocks."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.operator.cluster.api import Api, Object
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import DualRun, Run, eventually

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


@pytest.mark.usefixtures("kubelets")
def test_a_field_that_this_operator_does_not_know(run: Run, newer: Callable[[], None], operators: Callable[..., Operator]) -> None:
    """It is named and nothing is started: the definition is ahead of the operator. Taken out, the run starts."""
    newer()
    operators().start()  # a watch that began before goes on by the old definition for a while, and tells of no such field
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


@pytest.fixture
def pairs(tmp_path: Path) -> dict[str, str]:
    """What an operator needs to care for DualRuns."""
    key = tmp_path / "key"
    key.write_text("k" * 64)
    return {"reasoning_image": "localhost/tandem-reasoning:dev", "key_file": str(key)}


@pytest.mark.parametrize("hours", [3, -3])
def test_a_clock_that_jumps(run: Run, operators: Callable[..., Operator], kubelets: Kubelets, pairs: dict[str, str], hours: int) -> None:
    """An operator whose wall clock is hours off goes by the server's: it keeps its Lease, and new runs start.

    No time has passed for a deadline or a budget, a worker that is slow to leave is waited for, and what runs is paid for as ever.
    """
    operator = operators(jump_s=str(hours * 3600), **pairs).start()
    pair = DualRun(run.api, run.namespace, "pair").create(deadline="2h")
    pair.until(phase="Pending", attempt=1)
    run.create(workers=2, deadline="2h", budget={"usd": 10_000, "usdPerWorkerHour": 3600})
    run.until(phase="Running")
    operator.jump()
    eventually("the jump", lambda: "the clock is" in operator.last_words())
    kubelets.deaf.add((run.namespace, "r-1-0"))
    kubelets.end(run.namespace, "r-1-1", 1)
    before = float(run.until(phase="Stopping", attempt=1)["spentUsd"])
    Run(run.api, run.namespace, "later").create().until(phase="Running", attempt=1)
    for each in (run, pair):
        each.edit(ttlSecondsAfterFinished=3600)  # it is looked at once more
    run.until(phase="Stopping", attempt=1, observedGeneration=2)
    pair.until(phase="Pending", attempt=1, observedGeneration=2)
    assert "r-1-0" in run.pods()
    kubelets.let_go(run.namespace, "r-1-0")
    run.until(phase="Running", attempt=2, failures=1)
    for rank in (0, 1):
        kubelets.end(run.namespace, f"r-2-{rank}", 0)
    done = run.until(phase="Succeeded", attempt=2, failures=1, preemptions=0)
    assert float(done["spentUsd"]) > before
    assert operator.last_words().count("acts") == 1
    operator.stop()
