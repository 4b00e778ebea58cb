"""What the operator does when its own words do not get through, and when it cannot even begin."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tandem_operator.cluster.deeds.holds import Holds
from tandem_operator.cluster.kube.client import Kube, configuration
from tandem_operator.cluster.kube.lease import Lease
from tandem_operator.cluster.kube.limiter import Limiter

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import Api
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually

BUDGETS = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"
PATIENCE_S = "300"
LOOKS_END_S = 10  # an operator that is asked to stop waits so long for looks that have begun


@pytest.fixture
def run(api: Api, namespace: str) -> Run:
    return Run(api, namespace, "r")


async def client(kubeconfig: Path) -> Kube:
    return Kube(await configuration({"KUBECONFIG": str(kubeconfig)}), Limiter(100, 100), lambda _: None, lambda: None)


@pytest.mark.usefixtures("kubelets", "operator")
def test_workers_are_stopped_though_no_status_can_be_written(run: Run, proxy: FaultProxy) -> None:
    """A definition that is too old, or a server that takes no status, must not cost money without an end."""
    run.create()
    run.until(phase="Running")
    rule = proxy.inject(Fault(kind=Kind.BROKEN), verbs={"patch"}, path=f"{run.namespace}/trainingruns/r/status")
    run.edit(suspend=True)
    eventually("its worker to leave", lambda: run.pods() == {})
    assert run.status["phase"] == "Running"
    proxy.clear(rule)
    run.edit(deadline="1h")  # whatever wakes the operator up, which waits for longer each time
    run.until(phase="Suspended", attempt=1)


@pytest.mark.usefixtures("kubelets")
def test_what_waits_to_be_told_is_told_before_the_end(run: Run, operators: Callable[..., Operator], proxy: FaultProxy) -> None:
    """An operator that is asked to stop writes its events first."""
    operator = operators(last_words_s=PATIENCE_S).start()
    proxy.inject(Fault(kind=Kind.SLOW, seconds=1), verbs={"create"}, path=f"{run.namespace}/events")
    run.create()
    run.until(phase="Running")
    operator.stop()
    assert [reason for reason, _ in run.events()] == ["Accepted", "Running"]


@pytest.mark.usefixtures("kubelets")
def test_what_waits_to_be_told_is_told_though_the_lease_is_lost(run: Run, operators: Callable[..., Operator], proxy: FaultProxy) -> None:
    """Events need none: what happened, happened. The process ends all the same."""
    operator = operators(renews_within_s="30", last_words_s=PATIENCE_S).start()
    proxy.program([Fault(kind=Kind.SLOW, seconds=3600)] * 2, verbs={"create"}, path=f"{run.namespace}/events")
    run.create()
    run.until(phase="Running")
    assert run.events() == []
    proxy.inject(Fault(kind=Kind.BROKEN), path="/leases")
    assert operator.ended() == 1
    assert [reason for reason, _ in run.events()] == ["Accepted", "Running"]


@pytest.mark.usefixtures("kubelets")
def test_an_event_without_an_answer_is_told_again_and_once(run: Run, operator: Operator, proxy: FaultProxy) -> None:
    """Whether or not the server has heard of it the first time."""
    troubles = [Fault(kind=kind) for kind in (Kind.LOST_ANSWER, Kind.LOST_REQUEST)]
    proxy.program(troubles, verbs={"create"}, path=f"{run.namespace}/events")
    run.create()
    run.until(phase="Running")
    eventually("both to be told", lambda: [reason for reason, _ in run.events()] == ["Accepted", "Running"], run.events)
    operator.stop()
    assert len(run.events()) == 2


@pytest.mark.usefixtures("kubelets")
def test_a_look_that_has_begun_is_ended_before_the_process_leaves(run: Run, operator: Operator, proxy: FaultProxy) -> None:
    """Its status is written, and the next operator need not find out what this one did."""
    run.create()
    run.until(phase="Running")
    proxy.program([Fault(kind=Kind.HELD)], verbs={"patch"}, path=f"{run.namespace}/trainingruns/r/status")
    began_s = time.monotonic()
    run.edit(suspend=True)
    eventually("a status to be on its way", lambda: proxy.met(Kind.HELD))
    operator.ask_to_stop()
    proxy.let_go()
    assert operator.ended() == 0, operator.last_words()
    if time.monotonic() - began_s < LOOKS_END_S:  # whoever stood still for longer finds that it has left without
        assert run.status["phase"] == "Stopping"
        eventually("its worker to leave", lambda: run.pods() == {})


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"probes_listen": "nowhere:99999"}, "nowhere:99999"), ({"telemetry": "x:1", "telemetry_ca": "/nowhere/ca.crt"}, "/nowhere/ca.crt")],
)
def test_settings_that_lead_nowhere_are_one_line(operators: Callable[..., Operator], settings: dict[str, str], word: str) -> None:
    """Not a traceback, and an exit code that says whose fault it is."""
    operator = operators(**settings).start()
    assert operator.ended() == 2
    assert word in operator.last_words()
    assert operator.last_words().count("\n") == 0


def test_without_a_kubeconfig(operators: Callable[..., Operator], tmp_path: Path) -> None:
    """The same goes for a cluster that is not named."""
    operator = operators(tmp_path / "none.conf").start()
    assert operator.ended() == 2
    assert operator.last_words().splitlines()[-1].startswith("tandem-operator: ")
    assert "Traceback" not in operator.last_words()


def test_a_try_for_the_lease_that_hangs_is_given_up(proxy: FaultProxy, namespace: str) -> None:
    """The next one may be answered, long before the lease would be lost."""
    proxy.program([Fault(kind=Kind.SLOW, seconds=3600)] * 2, verbs={"get"}, path=f"{namespace}/leases")

    async def story() -> bool:
        kube = await client(proxy.kubeconfig)
        lease = Lease(kube, namespace, "l", "me", asyncio.get_running_loop().time)
        await lease.acquire()
        await kube.close()
        return lease.held

    assert asyncio.run(story())


def test_a_budget_that_somebody_deleted_or_changed_is_put_right(api: Api, proxy: FaultProxy, namespace: str) -> None:
    """Its run is looked at again, and that makes it as it is wanted; others are left in peace."""
    paths = {name: f"{BUDGETS.format(namespace)}/{name}" for name in ("gone", "changed", "same")}
    uids = {name: Run(api, namespace, name).create().found()["metadata"]["uid"] for name in paths}

    def budget(name: str) -> dict[str, object]:
        metadata = {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": "tandem"}}
        owner = {"apiVersion": "tandem.dev/v1alpha1", "kind": "TrainingRun", "name": name, "uid": uids[name]}
        spec = {"minAvailable": 2, "selector": {"matchLabels": {"tandem.dev/run": name}}}
        metadata |= {"ownerReferences": [owner]}
        return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}

    async def story() -> set[str]:
        kube = await client(proxy.kubeconfig)
        holds, told = Holds(kube, lambda _: None), set[tuple[str, str]]()
        for name in paths:
            await holds.keep(budget(name), uids[name], hold=True)
        api.delete(paths["gone"])
        api.patch(paths["changed"], {"spec": {"minAvailable": 0}})
        await holds.compare(namespace, told.add)
        for name in paths:
            await holds.keep(budget(name), uids[name], hold=True)
        await kube.close()
        return {name for _, name in told}

    assert asyncio.run(story()) == {"gone", "changed"}
    assert {name: api.get(path)["spec"]["minAvailable"] for name, path in paths.items()} == dict.fromkeys(paths, 2)
