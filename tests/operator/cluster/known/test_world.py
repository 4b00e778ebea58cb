"""What is known of the cluster: newest versions, whose pods are whose, and whom a change is news for."""

from datetime import timedelta

from tests.operator.cluster.told import KEY, NOW, OTHER, UID, Told, names, node, pod, run


def test_an_older_version_is_no_news() -> None:
    """In whatever order versions come, the newest stays; the same again is no news either."""
    told = Told()
    told.world.put_run(run(5, workers=5))
    told.world.put_run(run(4, workers=4))
    told.world.put_run(run(5, workers=6))
    stored = told.world.run(KEY)
    assert stored
    assert (stored.version, stored.object()["spec"]) == (5, {"workers": 5})
    assert told.news() == ([KEY], [])
    told.world.put_run(run(6))
    assert told.news() == ([KEY], [])


def test_versions_are_numbers() -> None:
    """10 is newer than 9."""
    told = Told()
    told.world.put_run(run(9))
    told.world.put_run(run(10))
    stored = told.world.run(KEY)
    assert stored
    assert stored.version == 10


def test_who_manages_which_field_is_not_kept() -> None:
    """It is as long as all the rest, and nobody reads it."""
    told = Told()
    told.world.put_run(run(1))
    stored = told.world.run(KEY)
    assert stored
    assert b"managedFields" not in stored.written


def test_the_answer_to_a_write() -> None:
    """The newest version, and news only if people wrote something else; what is gone does not come back by it, or stand for another."""
    told = Told()
    told.world.put_answer(run(1))
    assert told.world.run(KEY) is None
    told.world.put_run(run(2))
    told.news()
    told.world.put_answer({**run(3), "status": {"phase": "Running"}})
    stored = told.world.run(KEY)
    assert stored
    assert (stored.version, told.news()) == (3, ([], []))
    told.world.put_answer(run(3, workers=3))
    assert told.news() == ([], [])
    told.world.put_answer(run(4, workers=3))
    assert told.news() == ([KEY], [])
    told.world.put_run(run(5, OTHER))
    told.world.put_answer(run(6))
    stored = told.world.run(KEY)
    assert stored
    assert stored.uid == OTHER


def test_a_status_of_ours_that_the_watch_tells_first_is_no_news() -> None:
    """But an edit that comes meanwhile is, and so is the word of anybody else that followed on ours."""
    told = Told()
    told.world.put_run(run(1))
    told.news()
    with told.world.writing(KEY):
        told.world.put_run({**run(2), "status": {"phase": "Running"}})
        told.world.put_answer({**run(2), "status": {"phase": "Running"}})
    assert told.news() == ([], [])
    with told.world.writing(KEY):
        told.world.put_run(run(4, workers=4))
    assert told.news() == ([KEY], [])
    with told.world.writing(KEY):
        told.world.put_run({**run(6, workers=4), "status": {"phase": "Failed"}})
        assert told.news() == ([], [])
        told.world.put_answer({**run(5, workers=4), "status": {"phase": "Running"}})
    assert told.news() == ([KEY], [])
    told.world.put_run({**run(7, workers=4), "status": {"phase": "Running"}})
    stored = told.world.run(KEY)
    assert stored
    assert (stored.object()["status"], told.news()) == ({"phase": "Running"}, ([KEY], []))


def test_the_end_of_a_run_told_after_the_next_of_its_name() -> None:
    """Watches tell of each in an order of its own."""
    told = Told()
    told.world.put_run(run(1))
    told.world.put_run(run(3, OTHER))
    told.world.drop_run(KEY, UID)
    told.world.put_run(run(2))
    stored = told.world.run(KEY)
    assert stored
    assert stored.uid == OTHER
    told.world.drop_run(KEY, OTHER)
    assert told.world.run(KEY) is None
    assert not list(told.world.runs())


def test_pods_of_an_earlier_run_of_the_name() -> None:
    """They are not its workers; that they are still there can be asked."""
    told = Told()
    told.world.put_run(run(1, OTHER))
    told.world.put_pod(pod("running"))
    assert names(told.world, OTHER) == set()
    assert not told.world.has_pod(KEY, "r-1-0", OTHER)
    assert [worker.name for _, worker in told.world.strangers(KEY, OTHER)] == ["r-1-0"]
    told.world.put_pod(pod("running", uid=OTHER))
    assert names(told.world, OTHER) == {"r-1-0"}
    assert told.world.has_pod(KEY, "r-1-0", OTHER)


def test_a_worker_that_comes_up_stirs_its_run() -> None:
    """More is to come of it soon; one that ends, is asked to leave, or is about to be, is news at once. The same again is none."""
    told = Told()
    for sample, news in (("fresh", "stirred"), ("running", "stirred"), ("evicting", "changed"), ("evicted", "changed")):
        told.world.put_pod(pod(sample))
        assert told.news() == (([KEY], []) if news == "changed" else ([], [KEY])), sample
        told.world.put_pod(pod(sample))
        assert told.news() == ([], []), sample


def test_departed_workers() -> None:
    """How one ended is remembered when its pod is gone, until the next attempt is there; one that vanished alive is just gone."""
    told = Told()
    told.world.put_run(run(1))
    for rank, sample in enumerate(("exit-1", "running")):
        told.world.put_pod(pod(sample, rank=rank))
    told.news()
    for rank in (0, 1):
        told.world.drop_pod((KEY[0], f"r-1-{rank}"))
    assert told.news() == ([KEY, KEY], [])
    (left,) = told.world.pods_of(KEY, UID)
    assert (left.worker.name, left.worker.exit_code) == ("r-1-0", 1)
    told.world.put_pod(pod("fresh", attempt=2))
    assert names(told.world) == {"r-2-0"}
    told.world.drop_pod((KEY[0], "r-2-0"))
    assert names(told.world) == set()


def test_departed_workers_of_another_run_of_the_name() -> None:
    """Nothing is remembered of them."""
    told = Told()
    told.world.put_run(run(1))
    told.world.put_pod(pod("exit-1"))
    told.world.drop_pod((KEY[0], "r-1-0"))
    told.world.put_run(run(2, OTHER))
    assert names(told.world, OTHER) == set()


def test_a_namespace_that_is_left_to_others_and_comes_back() -> None:
    """Of its runs nothing is remembered meanwhile: nobody would look at it, and whoever does look there knows it from the status."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    for rank, sample in enumerate(("exit-1", "running", "exit-1", "running")):
        told.world.put_pod(pod(sample, rank=rank))
    for rank in (0, 1):
        told.world.drop_pod((KEY[0], f"r-1-{rank}"))
    told.world.leave(KEY[0])
    for rank in (2, 3):
        told.world.drop_pod((KEY[0], f"r-1-{rank}"))
    told.world.come_back(KEY[0])
    assert told.world.run(KEY)
    assert (names(told.world), told.world.vanished(KEY, UID, None)) == (set(), ())


def test_a_pod_of_nobody() -> None:
    """What is no worker of ours is nobody's news, neither when it comes nor when it goes."""
    told = Told()
    stranger = pod("running")
    del stranger["metadata"]["labels"]["tandem.dev/run"]
    told.world.put_pod(stranger)
    told.world.drop_pod((KEY[0], "r-1-0"))
    assert told.news() == ([], [])


def test_news_of_a_node() -> None:
    """Those with workers on it are told when it says something that counts, and nobody else is."""
    told = Told()
    told.world.machines.put(node())
    told.world.put_pod(pod("running"))
    told.news()
    told.world.machines.put(node())
    told.world.machines.put(node("node2"))
    assert told.news() == ([], [])
    told.world.machines.put(node(**{"tandem.dev/usd-per-hour": "2"}))
    assert told.news() == ([KEY], [])
    told.world.machines.drop(("", "node1"))
    assert told.news() == ([KEY], [])
    assert told.world.machines.node("node1") is None


def test_when_a_pod_vanished_is_known_until_it_has_been_paid_for() -> None:
    """Of one that nobody saw end, and that had a machine; not of another run of the name."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    for rank, sample in enumerate(("running", "running", "gated", "oom")):
        told.world.put_pod(pod(sample, rank=rank))
    told.world.drop_pod((KEY[0], "r-1-0"))
    told.now += timedelta(minutes=1)
    for rank in (1, 2, 3):
        told.world.drop_pod((KEY[0], f"r-1-{rank}"))
    seen = told.world.vanished(KEY, UID, None)
    assert [(worker.name, worker.until) for worker in seen] == [("r-1-0", NOW), ("r-1-1", told.now)]
    assert [worker.name for worker in told.world.vanished(KEY, UID, NOW)] == ["r-1-1"]
    assert told.world.vanished(KEY, OTHER, NOW) == ()
    assert told.world.vanished(KEY, UID, None) == ()


def test_the_end_of_a_spare_that_is_gone_is_paid_for_and_leaves_its_place_free() -> None:
    """It stands for nothing that its attempt still needs to know."""
    told = Told()
    told.world.put_run(run(1))
    told.world.machines.put(node())
    spare = pod("exit-1")
    spare["metadata"]["labels"]["tandem.dev/spare"] = "true"
    told.world.put_pod(spare)
    (seen,) = told.world.pods_of(KEY, UID)
    told.world.drop_pod((KEY[0], "r-1-0"))
    assert names(told.world) == set()
    assert told.world.vanished(KEY, UID, None) == (seen.worker,)
    assert told.world.vanished(KEY, UID, seen.worker.until) == ()


def test_a_run_that_is_gone_does_not_come_back_by_a_watch_that_lags() -> None:
    """A list has told so first; another of its name is another."""
    told = Told()
    told.world.put_run(run(1))
    told.world.miss_run(KEY, UID)
    told.world.put_run(run(2))
    assert told.world.run(KEY) is None
    told.world.put_run(run(3, uid=OTHER))
    assert told.world.run(KEY)
