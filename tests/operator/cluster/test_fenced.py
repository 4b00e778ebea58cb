"""Which workers count as lost with their machines: by what is heard of these, and by how long it takes to leave them."""

from datetime import timedelta

from tests.operator.cluster.told import KEY, UID, Told, node, pod


def fenced(told: Told, *, after_s: float = 0) -> bool:
    told.clock += after_s
    (seen,) = told.world.pods_of(KEY, UID)
    return told.world.worker(seen).fenced


def test_a_worker_on_a_silent_machine() -> None:
    """It is fenced, and no more once the machine is heard of again; one that has ended is not."""
    told = Told()
    told.world.put_pod(pod("running"))
    told.world.machines.put(node(sample="node-silent"))
    assert fenced(told)
    told.world.machines.put(node())
    assert not fenced(told)
    told.world.machines.put(node(sample="node-silent"))
    told.world.put_pod(pod("exit-0"))
    assert not fenced(told)


def test_a_worker_on_a_machine_that_nobody_knows() -> None:
    """A new machine may be told of later than its pods; one that is not there after a while is gone.

    Counted from when the pod was seen there, however long it had waited before, and whenever it says itself that it came.
    """
    told = Told()
    told.world.put_pod(pod("gated"))
    assert not fenced(told, after_s=3600)
    told.world.put_pod(pod("running"))
    assert not fenced(told, after_s=59)
    assert fenced(told, after_s=2)


def test_where_nodes_are_not_told_of() -> None:
    """Without the right to read them nobody can say that one is gone."""
    told = Told(nodes_told=False)
    told.world.put_pod(pod("running"))
    assert not fenced(told, after_s=86400)


def test_a_worker_that_does_not_leave() -> None:
    """Long after its grace period it is on a machine that does not work, whatever that says of itself."""
    told = Told()
    told.world.machines.put(node())
    told.world.put_pod(pod("evicting"))
    (seen,) = told.world.pods_of(KEY, UID)
    assert seen.grace_s == 20
    assert not fenced(told, after_s=20 + 59)
    assert fenced(told, after_s=2)


def test_how_long_a_worker_takes_to_leave_is_counted_by_us() -> None:
    """Whatever times it bears and whatever time it is, it has its whole grace period from when we first saw that it leaves, and no more.

    News of it begins nothing anew; another pod of its name does.
    """
    told = Told()
    told.world.machines.put(node())
    told.world.put_pod(pod("running"))
    told.clock += 3600
    for written in ("2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        leaves = pod("evicting")
        leaves["metadata"] |= {"deletionTimestamp": written, "uid": f"written-{written}"}
        told.world.put_pod(leaves)
        told.now += timedelta(days=1)
        assert not fenced(told, after_s=79)
        told.world.put_pod({**leaves, "status": {**leaves["status"], "phase": "Running", "conditions": []}})
        assert fenced(told, after_s=2)
