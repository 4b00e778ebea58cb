"""What is said of pods in events: whom a machine is promised, what cannot be mounted, and for how long that is believed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.plan.values import Tier, Waiting

from tests.operator.cluster.told import KEY, NOW, UID, Told, pod, run

EVENT = ("team", "r-1-0.1")
CLAIM = "Pod should schedule on: nodeclaim/spot-a100-x7k2p"


def promise(at: datetime = NOW, name: str = EVENT[1], note: str = CLAIM, **more: Any) -> dict[str, Any]:
    """Karpenter's word on the first worker, as the API gives an event that was written the older way."""
    whom = {"kind": "Pod", "namespace": KEY[0], "name": "r-1-0", "uid": f"pod-1-0-{UID}"}
    dated: dict[str, Any] = {"deprecatedLastTimestamp": at.isoformat(), "deprecatedSource": {"component": "karpenter"}, "eventTime": None}
    return {"metadata": {"namespace": EVENT[0], "name": name}, "reason": "Nominated", "note": note, "regarding": whom, **dated, **more}


def wait(told: Told) -> Waiting:
    """What the only worker waits for."""
    (seen,) = told.world.pods_of(KEY, UID)
    found = told.world.worker(seen).waiting
    assert found
    return found


@pytest.fixture
def told() -> Told:
    """A run whose only worker has no room."""
    made = Told()
    made.world.put_run(run(1))
    made.world.put_pod(pod("no-gpu"))
    assert wait(made).tier is Tier.NO_CAPACITY
    made.news()
    return made


def test_a_machine_that_is_on_its_way_is_waited_for(told: Told) -> None:
    """That is news for the run, and both the autoscaler and the scheduler are quoted; when the event is gone there is no room again."""
    scheduler = wait(told).message
    told.world.machines.remarks.put(promise())
    assert told.news() == ([KEY], [])
    assert wait(told) == Waiting(tier=Tier.NODE, message=f"karpenter: {CLAIM}; until then: {scheduler}")
    told.world.machines.remarks.drop(EVENT)
    assert wait(told) == Waiting(tier=Tier.NO_CAPACITY, message=scheduler)
    told.world.machines.remarks.drop(EVENT)


def test_a_promise_is_believed_for_ten_minutes(told: Told) -> None:
    """A machine that did not come by then was not to be had; an older one has no say, a newer one counts anew."""
    told.world.machines.remarks.put(promise())
    told.now += timedelta(minutes=9)
    assert wait(told).tier is Tier.NODE
    told.now += timedelta(minutes=2)
    assert wait(told).tier is Tier.NO_CAPACITY
    told.world.machines.remarks.put(promise(told.now, name="newer", note="another"))
    told.world.machines.remarks.put(promise(NOW, name="older"))
    assert wait(told).message.startswith("karpenter: another; ")
    told.world.machines.remarks.drop((EVENT[0], "older"))
    assert wait(told).tier is Tier.NODE


def test_whatever_else_is_waited_for_is_not_a_machine(told: Told) -> None:
    """What only a person can mend is not mended by a machine; a pod that has one, and other pods, have no part in it."""
    told.world.machines.remarks.put(promise())
    told.world.put_pod(pod("no-such-claim"))
    assert wait(told).tier is Tier.MISCONFIGURED
    told.world.put_pod(pod("no-gpu", uid="another"))
    told.news()
    told.world.machines.remarks.put(promise(regarding={"kind": "Pod", "namespace": "team", "name": "somebody", "uid": "else"}))
    assert told.news() == ([], [])


@pytest.mark.parametrize(
    ("note", "tier"),
    [
        ('MountVolume.SetUp failed for volume "v0" : configmap "nope" not found', Tier.MISCONFIGURED),
        ('MountVolume.SetUp failed for volume "v0" : secret "nope" not found', Tier.MISCONFIGURED),
        ("Unable to attach or mount volumes: timed out waiting for the condition", Tier.START),
    ],
)
def test_what_cannot_be_mounted(note: str, tier: Tier) -> None:
    """Of something that is not there people are told; what only takes its time comes by itself."""
    machines = Machines(now=lambda: NOW)
    machines.remarks.put(promise(reason="FailedMount", note=note))
    starts = Waiting(tier=Tier.START, message="being started on node1", placed=True)
    found = machines.remarks.considered(f"pod-1-0-{UID}", starts)
    assert found == (starts if tier is Tier.START else Waiting(tier=tier, message=f"FailedMount: {note}", placed=True))


@pytest.mark.parametrize(
    "dated",
    [
        {"deprecatedLastTimestamp": None, "eventTime": NOW.isoformat()},
        {
            "deprecatedLastTimestamp": None,
            "eventTime": "2020-01-01T00:00:00.000000Z",
            "series": {"count": 2, "lastObservedTime": NOW.isoformat()},
        },
    ],
)
def test_both_ways_of_dating_an_event_are_read(dated: dict[str, Any]) -> None:
    """The older and the newer API."""
    machines = Machines(now=lambda: NOW)
    machines.remarks.put(promise(**dated, reportingController="autoscaler"))
    found = machines.remarks.considered(f"pod-1-0-{UID}", Waiting(tier=Tier.NO_CAPACITY, message="0/1"))
    assert found == Waiting(tier=Tier.NODE, message=f"autoscaler: {CLAIM}; until then: 0/1")
