"""Pods that the shell itself has deleted again: they count for nothing but money, and it may not be known whether they are gone."""

from datetime import timedelta
from typing import Any

import pytest

from tests.operator.cluster.told import KEY, NOW, UID, Told, names, node, pod, run


def test_a_pod_that_is_taken_back_counts_for_nothing_but_money() -> None:
    """While somebody still holds it, and when it is gone, however it ended."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    for rank in (0, 1):
        told.world.put_pod(pod("running", rank=rank))
        (worker,) = told.world.pods_of(KEY, UID)
        with told.world.taking_back(worker):
            assert names(told.world) == set()
    told.news()
    ended = pod("exit-1", rank=1)
    told.world.put_pod(ended)
    assert (names(told.world), told.news()) == (set(), ([], []))
    seen = told.world.vanished(KEY, UID, NOW)
    assert [(worker.name, worker.until) for worker in seen][:1] == [("r-1-0", NOW)]
    told.now += timedelta(minutes=1)
    for rank in (0, 1):
        told.world.drop_pod((KEY[0], f"r-1-{rank}"))
    assert names(told.world) == set()
    assert [(worker.name, worker.until) for worker in told.world.vanished(KEY, UID, NOW)] == [("r-1-0", told.now)]
    assert told.news() == ([KEY, KEY], [])


def test_a_pod_that_could_not_be_taken_back_is_a_worker_as_before() -> None:
    """It may be there for long, and somebody must know."""
    told = Told()
    told.world.put_run(run(1))
    told.world.put_pod(pod("running"))
    not_taken_back(told)
    assert names(told.world) == {"r-1-0"}
    told.world.put_pod(pod("exit-1"))
    told.world.drop_pod((KEY[0], "r-1-0"))
    assert names(told.world) == {"r-1-0"}


def test_a_pod_that_was_taken_back_though_nobody_said_so() -> None:
    """That it leaves tells, and is nobody's notice; it is paid for until it is gone."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    told.world.put_pod(pod("running"))
    not_taken_back(told)
    told.news()
    told.world.put_pod(leaving())
    assert (names(told.world), told.news()) == (set(), ([], []))
    assert [worker.name for worker in told.world.vanished(KEY, UID, NOW)] == ["r-1-0"]
    told.world.drop_pod((KEY[0], "r-1-0"))
    assert (names(told.world), told.news()) == (set(), ([KEY], []))


def test_a_pod_that_was_perhaps_taken_back_and_is_lost_is_seen() -> None:
    """Nobody is there who could carry that out: somebody must give it up."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    told.world.put_pod(pod("running"))
    not_taken_back(told)
    told.world.put_pod(leaving())
    told.world.machines.put(node(sample="node-silent"))
    assert names(told.world) == {"r-1-0"}


def test_a_pod_in_the_place_of_one_that_nobody_has_told_is_gone() -> None:
    """The one before is paid for until now, and nothing that was known of it is of the new one."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    told.world.put_pod(pod("running"))
    (before,) = told.world.pods_of(KEY, UID)
    with told.world.taking_back(before):
        pass
    again = pod("running")
    again["metadata"]["uid"] = "again"
    told.world.put_pod(again)
    assert names(told.world) == {"r-1-0"}
    assert [(worker.name, worker.until) for worker in told.world.vanished(KEY, UID, None)] == [("r-1-0", NOW)]


def test_a_pod_that_could_not_be_taken_back_and_is_kept_leaves_as_any_other() -> None:
    """Whoever has it leave later is somebody else."""
    told = Told()
    told.world.put_run(run(1))
    told.world.put_pod(pod("running"))
    not_taken_back(told)
    told.world.keep(told.world.pods_of(KEY, UID))
    told.world.put_pod(leaving())
    assert names(told.world) == {"r-1-0"}


def not_taken_back(told: Told) -> None:
    """Nobody has answered whether its only worker was taken back."""
    (worker,) = told.world.pods_of(KEY, UID)
    with pytest.raises(ConnectionError), told.world.taking_back(worker):
        raise ConnectionError


def leaving() -> dict[str, Any]:
    found = pod("running")
    found["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return found
