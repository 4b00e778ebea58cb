"""What the operator does in the life of a run, on a real API server."""

import time

import pytest
from tandem_operator.cluster.apply import _WAITS_S

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import WRITES, Fault, Kind
from tests.operator.cluster.api import PODS
from tests.operator.cluster.kubelets import Kubelets
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually

pytestmark = pytest.mark.usefixtures("kubelets", "operator")
BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"
_WHOLE_S = 2  # the API server tells times in whole seconds


def done(run: Run, kubelets: Kubelets, code: int = 0) -> None:
    """All workers of the newest attempt exit."""
    attempt = run.status["attempt"]
    for name in run.pods():
        if name.startswith(f"{run.name}-{attempt}-"):
            kubelets.end(run.namespace, name, code)


def test_a_life(run: Run, operator: Operator, kubelets: Kubelets) -> None:
    """Two workers come up, find each other by name, are held together while they train, and are done."""
    run.create(workers=2)
    run.until(phase="Running")
    assert set(run.pods()) == {"r-1-0", "r-1-1"}
    service = run.api.get(f"/api/v1/namespaces/{run.namespace}/services/r-ranks")
    assert service["spec"]["clusterIP"] == "None"
    held = eventually("the workers to be held", lambda: run.api.items(BUDGETS.format(run.namespace)))
    assert held[0]["spec"]["minAvailable"] == 2
    done(run, kubelets)
    status = run.until(phase="Succeeded")
    assert (status["attempt"], status["failures"], status["preemptions"]) == (1, 0, 0)
    assert run.until_condition("Complete", status="True")
    eventually("the end to be told", lambda: [reason for reason, _ in run.events()] == ["Accepted", "Running", "Succeeded"], run.events)
    operator.stop()


def test_suspend_and_resume(run: Run, kubelets: Kubelets) -> None:
    """Workers are asked to leave, may take their time, and only then the run rests; it goes on with the next attempt."""
    run.create(workers=2)
    run.until(phase="Running")
    kubelets.deaf.add((run.namespace, "r-1-0"))
    run.edit(suspend=True)
    run.until(phase="Stopping", reason="SuspendRequested")
    eventually("the other to leave", lambda: set(run.pods()) == {"r-1-0"})
    kubelets.let_go(run.namespace, "r-1-0")
    run.until(phase="Suspended", attempt=1, failures=0, preemptions=0)
    eventually("its pods to be gone", lambda: run.pods() == {})
    run.edit(suspend=False)
    run.until(phase="Running", attempt=2)
    assert set(run.pods()) == {"r-2-0", "r-2-1"}


def test_the_end_of_the_money(run: Run) -> None:
    """Warned before, at the limit the run stops and rests; with more money it goes on by itself, and what was spent stays spent."""
    began_s, usd_per_s = time.monotonic(), 0.01
    run.create(budget={"usd": 1000, "warnAt": 0.00001, "usdPerWorkerHour": 3600 * usd_per_s})
    eventually("the warning to be told", lambda: "BudgetNearlyExhausted" in [reason for reason, _ in run.events()], run.events)
    limit = round(float(run.status["spentUsd"]) + 0.01, 3)
    run.edit(budget={"usd": limit})
    status = run.until(phase="Suspended", reason="BudgetExhausted")
    assert limit <= float(status["spentUsd"]) <= usd_per_s * (time.monotonic() - began_s + _WHOLE_S)
    assert run.condition("BudgetOK")["status"] == "False"
    run.edit(budget={"usd": 100})
    later = run.until(phase="Running", attempt=2)
    assert float(later["spentUsd"]) >= float(status["spentUsd"])


def test_a_budget_without_a_price(run: Run) -> None:
    """That it holds over nothing is said where people look, with what to do about it; a price on the node helps, and is seen at once."""
    run.create(budget={"usd": 5})
    said = run.until_condition("BudgetOK", status="Unknown", reason="NoPrice")
    assert "spec.budget.usdPerWorkerHour" in said["message"]
    told = eventually("the warning", lambda: [note for reason, note in run.events() if reason == "NoPrice"], run.events)
    assert told == [said["message"]]
    node = next(iter(run.pods().values()))["spec"]["nodeName"]
    run.api.patch(f"/api/v1/nodes/{node}", {"metadata": {"annotations": {"tandem.dev/usd-per-hour": "1.20"}}})
    run.until_condition("BudgetOK", status="True", reason="WithinBudget")
    run.api.patch(f"/api/v1/nodes/{node}", {"metadata": {"annotations": {"tandem.dev/usd-per-hour": None}}})
    run.until_condition("BudgetOK", status="Unknown", reason="NoPrice")


def test_the_end_of_the_time(run: Run) -> None:
    """At its deadline a run stops and has failed."""
    run.create(deadline="2s")
    run.until(phase="Failed", reason="DeadlineExceeded")
    eventually("its worker to leave", lambda: run.pods() == {})


@pytest.mark.parametrize("said", ["before", "after"])
def test_a_finished_run_is_removed_after_its_time(run: Run, kubelets: Kubelets, said: str) -> None:
    """And with it all that it owned; whether that time was set before its end or after."""
    run.create(workers=2, **({"ttlSecondsAfterFinished": 1} if said == "before" else {}))
    run.until(phase="Running")
    done(run, kubelets)
    if said == "after":
        run.until(phase="Succeeded")
        run.edit(ttlSecondsAfterFinished=1)
    eventually("the run to be gone", lambda: not run.api.exists(run.path))
    eventually("its pods to be gone", lambda: run.pods() == {})
    eventually("its Service to be gone", lambda: not run.api.exists(f"/api/v1/namespaces/{run.namespace}/services/r-ranks"))


def test_whatever_a_worker_says_last_can_be_told(run: Run, kubelets: Kubelets) -> None:
    """Gloo ends a sentence with a beach when a peer is lost: the next attempt follows all the same, and people read why."""
    said = "RuntimeError: Connection closed by peer. GLHF! 🏖️"
    run.create()
    run.until(phase="Running")
    kubelets.end(run.namespace, "r-1-0", 1, said)
    run.until(phase="Running", attempt=2, failures=1)
    eventually("that to be told", lambda: any(reason == "WorkerFailed" and said in note for reason, note in run.events()), run.events)


def test_what_is_left_of_attempts_long_past_is_cleared_away(run: Run, kubelets: Kubelets) -> None:
    """The last two can still be looked at; a run that is interrupted for ever does not fill the cluster with pods that have ended."""
    run.create()
    for attempt in range(1, 5):
        run.until(phase="Running", attempt=attempt)
        kubelets.end(run.namespace, f"r-{attempt}-0", 143)
    run.until(phase="Running", attempt=5)
    eventually("the first to be gone", lambda: set(run.pods()) == {"r-3-0", "r-4-0", "r-5-0"}, run.pods)


def test_deleted_while_starting(run: Run, kubelets: Kubelets, proxy: FaultProxy) -> None:
    """Nothing more is started for a run that is gone, and nothing of it stays."""
    kubelets.idle |= {(run.namespace, "r-1-0"), (run.namespace, "r-1-1")}
    run.create(workers=2)
    eventually("its pods to be there", lambda: len(run.pods()) == 2)
    run.api.delete(run.path)
    eventually("its pods to be gone", lambda: run.pods() == {})
    before = len(proxy.requests(verbs={"create"}, path="/pods$"))
    Run(run.api, run.namespace, "other").create().until(phase="Running")
    assert len(proxy.requests(verbs={"create"}, path="/pods$")) == before + 1


def test_deleted_while_the_watch_is_down(run: Run, operator: Operator, kubelets: Kubelets, proxy: FaultProxy) -> None:
    """Kopf never tells of it; that the run is gone is found out all the same, and its workers are not started again."""
    kubelets.idle.add((run.namespace, "r-1-0"))
    run.create()
    eventually("its pod to be there", lambda: len(run.pods()) == 1)
    other = Run(run.api, run.namespace, "other").create()
    other.until(phase="Running")
    proxy.program([Fault(kind=Kind.GONE, events=0)], verbs={"watch"}, path="/trainingruns$")
    proxy.program([Fault(kind=Kind.HELD)], verbs={"list"}, path="/trainingruns$")
    proxy.cut_watches()
    eventually("the watch to be down", lambda: proxy.met(Kind.HELD))
    run.api.delete(run.path)
    proxy.let_go()
    eventually("the operator to know", lambda: f"{run.name} is gone" in operator.last_words(), operator.last_words)
    eventually("its pods to be gone", lambda: run.pods() == {})


def test_a_run_of_the_same_name_follows_at_once(run: Run, kubelets: Kubelets) -> None:
    """It waits until the pods of the old one are gone, and has a Service of its own."""
    run.create(workers=2)
    run.until(phase="Running")
    kubelets.deaf.add((run.namespace, "r-1-0"))
    old = run.found()["metadata"]["uid"]
    run.api.delete(run.path)
    run.create(workers=2)
    run.until(phase="Pending", attempt=1)
    new = run.found()["metadata"]["uid"]
    assert {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()} <= {old, new}
    kubelets.let_go(run.namespace, "r-1-0")
    run.until(phase="Running", attempt=1)
    assert {pod["metadata"]["labels"]["tandem.dev/run-uid"] for pod in run.pods().values()} == {new}
    service = run.api.get(f"/api/v1/namespaces/{run.namespace}/services/r-ranks")
    assert [owner["uid"] for owner in service["metadata"]["ownerReferences"]] == [new]


def test_nothing_is_written_when_nothing_changes(run: Run, proxy: FaultProxy) -> None:
    """A run that runs costs no writes, also when its pods and nodes are told of for reasons that do not matter."""
    run.create()
    run.until(phase="Running")
    eventually("all to be told", lambda: len(run.events()) == 2)
    eventually("its worker to be held", lambda: proxy.requests(verbs={"create"}, path=f"{run.namespace}/poddisruptionbudgets"))
    before = proxy.requests(verbs=WRITES, path=f"{run.namespace}/(pods|trainingruns|services|poddisruptionbudgets)")
    for number in range(10):
        run.api.patch(f"{PODS.format(run.namespace)}/r-1-0", {"metadata": {"annotations": {"somebody": str(number)}}})
        run.api.patch("/api/v1/nodes/hand-1", {"metadata": {"annotations": {"somebody": str(number)}}})
        run.api.patch(run.path, {"metadata": {"annotations": {"somebody": str(number)}}})
    Run(run.api, run.namespace, "later").create().until(phase="Running")
    after = proxy.requests(verbs=WRITES, path=f"{run.namespace}/(pods|trainingruns|services|poddisruptionbudgets)")
    made = ("/pods", "/poddisruptionbudgets")  # of the later run, whose name is not in the path
    assert [each for each in after[len(before) :] if "later" not in each.path and not each.path.endswith(made)] == []


def test_writes_of_a_life(run: Run, operator: Operator, kubelets: Kubelets, proxy: FaultProxy) -> None:
    """One worker that comes up and is done: its pod, its budget held and let go, and a status for what became of the run."""
    began_s = time.monotonic()
    run.create()
    run.until(phase="Running")
    waited = time.monotonic() - began_s > _WAITS_S
    eventually("its worker to be held", lambda: proxy.requests(verbs={"create"}, path=f"{run.namespace}/poddisruptionbudgets"))
    done(run, kubelets)
    run.until(phase="Succeeded")
    operator.stop()
    paths = [each.path.split("/")[-1] for each in proxy.requests(verbs=WRITES, path=f"{run.namespace}/(pods|trainingruns|poddis)")]
    assert paths.count("pods") == 1
    assert paths.count("r") <= 2
    assert paths.count("status") <= 3 + waited, "people are told of a worker that does not come up soon, too"


def test_edited_meanwhile(run: Run, proxy: FaultProxy) -> None:
    """A status is written for the version that was looked at: a conflict writes nothing, tells nothing, and leads to a new look."""
    run.create()
    run.until(phase="Running")
    eventually("all to be told", lambda: len(run.events()) == 2)
    rule = proxy.inject(Fault(kind=Kind.CONFLICT), verbs={"patch"}, path=f"{run.namespace}/trainingruns/r/status")
    run.edit(suspend=True)
    eventually("three conflicts", lambda: proxy.met(Kind.CONFLICT) >= 3)
    assert len(run.events()) == 2
    assert set(run.pods()) == {"r-1-0"}
    proxy.clear(rule)
    run.until(phase="Suspended")
    eventually(
        "each step to be told once", lambda: [reason for reason, _ in run.events()][2:] == ["SuspendRequested", "Suspended"], run.events
    )


def test_edited_while_a_status_is_on_its_way(run: Run, proxy: FaultProxy) -> None:
    """The server itself refuses it, since it is of a version that is none any more; the next look knows the edit."""
    run.create()
    run.until(phase="Running")
    proxy.program([Fault(kind=Kind.HELD)], verbs={"patch"}, path=f"{run.namespace}/trainingruns/r/status")
    run.edit(suspend=True)
    eventually("a status to be on its way", lambda: proxy.met(Kind.HELD))
    run.edit(suspend=False)
    proxy.let_go()
    eventually("it to be refused", lambda: [each for each in proxy.answered(409) if each.path.endswith("/r/status")])
    run.until(phase="Running", attempt=1, observedGeneration=3)
    assert set(run.pods()) == {"r-1-0"}


@pytest.mark.parametrize("kind", [Kind.LOST_ANSWER, Kind.LOST_REQUEST, Kind.BROKEN, Kind.TOO_MANY, Kind.CONFLICT])
@pytest.mark.parametrize("what", ["/pods$", "/services", "/poddisruptionbudgets", "/status$"])
def test_one_trouble_with_each_write(run: Run, kubelets: Kubelets, proxy: FaultProxy, what: str, kind: Kind) -> None:
    """Whatever becomes of the first write of a kind, the run takes the same way."""
    proxy.program([Fault(kind=kind)], verbs=WRITES, path=f"{run.namespace}.*{what}")
    run.create(workers=2)
    run.until(phase="Running", attempt=1)
    done(run, kubelets)
    run.until(phase="Succeeded", attempt=1, failures=0, preemptions=0)
    assert [each.fault for each in proxy.requests(verbs=WRITES, path=f"{run.namespace}.*{what}")].count(kind) == 1
