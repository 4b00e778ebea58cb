"""What each of the runs on a machine pays for it."""

from decimal import Decimal
from typing import Any

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.observe import observe

from tests.operator.cluster.told import KEY, OTHER, UID, Told, node, pod, run

PRICE = {"tandem.dev/usd-per-hour": "15"}
SPEC = {"trainer": {"deepspeed": {}}, "phases": [{"name": "all", "steps": 100, "batchSize": 24}]}
RUN = TrainingRun.model_validate({"metadata": {"namespace": KEY[0], "name": KEY[1], "uid": UID}, "spec": SPEC})


def other(sample: str, rank: int = 0) -> dict[str, Any]:
    """A worker of another run, on the same machine if it has one."""
    found = pod(sample, uid=OTHER)
    found["metadata"] |= {"name": f"s-1-{rank}", "uid": f"s-{rank}", "labels": {**found["metadata"]["labels"], "tandem.dev/run": "s"}}
    return found


def paid(told: Told) -> Decimal | None:
    """Dollars an hour that the run pays for its machine."""
    (seen,) = observe(RUN, KEY, told.world, lambda _: None).nodes
    return seen.usd_per_hour


def test_runs_share_the_price_of_a_machine_by_their_workers() -> None:
    """Alone a run pays for all of it; whoever waits elsewhere, or has ended, pays nothing."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node(**PRICE))
    told.world.put_pod(pod("running"))
    told.world.put_pod(other("fresh"))
    assert paid(told) == 15
    for rank in range(2):
        told.world.put_pod(other("running", rank))
    assert paid(told) == 5
    told.world.put_pod(pod("running", rank=1))
    assert paid(told) == Decimal("7.5")
    told.world.put_pod(other("exit-1", 0))
    assert paid(told) == 10
    told.world.drop_pod((KEY[0], "s-1-1"))
    assert paid(told) == 15


def test_a_worker_that_is_gone_is_paid_for_like_one_that_is_there() -> None:
    """Its last minutes are charged when that is noticed; by then its place may be somebody else's."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node(**PRICE))
    told.world.put_pod(pod("running"))
    told.world.put_pod(other("running"))
    told.world.drop_pod((KEY[0], "r-1-0"))
    assert paid(told) == Decimal("7.5")


def test_a_machine_without_a_price_has_none_to_share() -> None:
    """What a worker costs there the run says itself."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    told.world.put_pod(pod("running"))
    told.world.put_pod(other("running"))
    assert paid(told) is None
