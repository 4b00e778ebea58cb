"""A run that waits for a machine which an autoscaler says it has asked for, as the API server tells of it."""

from datetime import UTC, datetime

import pytest

from tests.operator.cluster.api import Object
from tests.operator.cluster.operators import Operator
from tests.operator.cluster.runs import Run, eventually

NOWHERE = {"spot": "Never", "nodeSelector": {"tandem.test/pool": "none"}}


@pytest.mark.usefixtures("kubelets")
@pytest.mark.parametrize(
    ("author", "reason", "note"),
    [
        ("karpenter", "Nominated", "Pod should schedule on: nodeclaim/spot-a100-x7k2p"),
        ("cluster-autoscaler", "TriggeredScaleUp", "pod triggered scale-up: [{spot-a100 0->1 (max: 8)}]"),
    ],
)
def test_what_an_autoscaler_promises_is_told(run: Run, operator: Operator, author: str, reason: str, note: str) -> None:
    """Before there was no room, and so there is again once the promise is gone; the scheduler is quoted all along."""
    assert operator.runs
    run.create(placement=NOWHERE)
    run.until_condition("Scheduled", status="False", reason="NoCapacity")
    events = f"/api/v1/namespaces/{run.namespace}/events"
    run.api.create(events, _event(run, author, reason, note))
    told = run.until_condition("Scheduled", status="False", reason="WaitingForNode")
    assert told["message"].startswith(f"1 of 1 workers waits: r-1-0: {author}: {note}; until then: 0/")
    eventually("the event", lambda: "WaitingForNode" in {reason for reason, _ in run.events()})
    run.api.delete(f"{events}/promise")
    run.until_condition("Scheduled", status="False", reason="NoCapacity")


def _event(run: Run, author: str, reason: str, note: str) -> Object:
    """As client-go's recorder writes it, which both autoscalers use."""
    pod, now = run.pods()["r-1-0"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    whom = {"apiVersion": "v1", "kind": "Pod", "namespace": run.namespace, "name": "r-1-0", "uid": pod["metadata"]["uid"]}
    what = {"reason": reason, "message": note, "type": "Normal", "source": {"component": author}, "involvedObject": whom}
    return {"metadata": {"name": "promise"}, "firstTimestamp": now, "lastTimestamp": now, "count": 1, **what}
