"""How long the operator waits for what: for pods that leave, for what was refused, between failures, for other requests."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.known.refusals import Refusals
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.backoff import backoff_s
from tandem_operator.cluster.kube.together import all_over, first_over
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.plan.values import Tier, Waiting

from tests.operator.cluster.clients import in_virtual_time

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = ("n", "r")
QUOTA = Waiting(tier=Tier.QUOTA, message="exceeded quota")


def _world(clock: list[float], nodes: tuple[str, ...] = ("m",)) -> World:
    machines = Machines(told=bool(nodes), clock=lambda: clock[0])
    world = World(lambda _: None, lambda _: None, lambda: NOW, machines=machines)
    for name in nodes:
        world.machines.put({"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    return world


def _leaving(grace_s: int | None, uid: str = "u") -> dict[str, object]:
    """A pod that runs on m and has so long to leave."""
    labels = {"tandem.dev/run": "r", "tandem.dev/attempt": "1", "tandem.dev/rank": "0", "tandem.dev/run-uid": uid}
    metadata: dict[str, object] = {"name": "r-1-0", "namespace": "n", "uid": "p", "labels": labels}
    metadata["creationTimestamp"] = "2026-01-01T10:00:00Z"
    if grace_s is not None:
        metadata |= {"deletionTimestamp": NOW.isoformat(), "deletionGracePeriodSeconds": grace_s}
    status = {"phase": "Running", "containerStatuses": [{"name": "worker", "state": {"running": {}}}]}
    return {"metadata": metadata, "spec": {"nodeName": "m"}, "status": status}


@pytest.mark.parametrize("nodes", [(), ("m",)])
@pytest.mark.parametrize(("after_s", "live"), [(0, True), (100, True), (160, True), (161, False)])
def test_a_pod_that_does_not_leave_is_fenced(nodes: tuple[str, ...], after_s: int, *, live: bool) -> None:
    """A minute after its grace period, whatever its node says, and whether or not nodes can be read."""
    for grace_s, lives in ((100, live), (None, True)):
        clock = [0.0]
        world = _world(clock, nodes)
        world.put_pod(_leaving(grace_s))
        clock[0] += after_s
        (pod,) = world.pods_of(KEY, "u")
        assert world.worker(pod).live is lives


def test_pods_of_an_earlier_run_are_strangers_until_they_have_ended() -> None:
    """Those of the run itself are none; of the others it is known which are fenced."""
    clock = [0.0]
    world = _world(clock)
    world.put_pod(_leaving(30, uid="old"))
    assert world.strangers(KEY, "old") == ()
    ((_, worker),) = world.strangers(KEY, "new")
    assert worker.live
    clock[0] += 120
    ((pod, worker),) = world.strangers(KEY, "new")
    assert (pod.uid, worker.live, worker.stopping) == ("p", False, True)
    world.put_pod(_leaving(30, uid="old") | {"status": {"phase": "Failed"}})
    assert world.strangers(KEY, "new") == ()


def _run(generation: int = 1, attempt: int = 1, uid: str = "u") -> TrainingRun:
    spec = {"trainer": {"deepspeed": {}}, "phases": [{"name": "all", "steps": 100, "batchSize": 24}]}
    metadata = {"name": "r", "namespace": "n", "uid": uid, "generation": generation}
    return TrainingRun.model_validate({"metadata": metadata, "spec": spec, "status": {"attempt": attempt}})


def test_what_is_refused_is_asked_for_again_later_each_time() -> None:
    """From seconds to a minute; another attempt or spec is another question."""
    now = 0.0
    refusals = Refusals(lambda: now)
    assert refusals.wait_s(_run()) == 0
    waits: list[float] = []
    for _ in range(8):
        refusals.put(_run(), QUOTA)
        waits.append(refusals.wait_s(_run()))
        now += waits[-1]
        assert refusals.wait_s(_run()) == 0
    assert 2.5 <= waits[0] <= 5
    assert 30 <= waits[-1] <= 60
    refusals.put(_run(), QUOTA)
    assert refusals.wait_s(_run(generation=2)) == refusals.wait_s(_run(attempt=2)) == 0
    refusals.put(_run(attempt=2), QUOTA)
    assert 2.5 <= refusals.wait_s(_run(attempt=2)) <= 5
    assert refusals.get(_run()) == QUOTA
    assert refusals.get(_run(uid="another")) is None
    refusals.forget(KEY)
    assert (refusals.get(_run()), refusals.wait_s(_run(attempt=2))) == (None, 0)


def test_what_an_earlier_run_has_left_is_looked_for_every_second() -> None:
    """It goes by itself, so to wait for it is no reason to wait longer."""
    refusals = Refusals(lambda: 0.0)
    for _ in range(5):
        refusals.put(_run(), Waiting(tier=Tier.START, message="is there already"))
        assert refusals.wait_s(_run()) == 1


@pytest.mark.parametrize(("failures", "most_s"), [(1, 2), (2, 4), (3, 8), (4, 10), (10**6, 10)])
def test_backoff(failures: int, most_s: float) -> None:
    """Twice as long each time, never longer than the limit, never less than half, and not the same for all."""
    waits = {backoff_s(failures, 2, 10) for _ in range(100)}
    assert all(most_s / 2 <= wait <= most_s for wait in waits)
    assert len(waits) > 1


def test_a_request_that_fails_does_not_leave_the_others_alone() -> None:
    """All are over when the failure is raised, and of several it is the first."""
    over: list[str] = []

    async def ends(name: str, rounds: int, error: Exception | None = None) -> str:
        for _ in range(rounds):
            await asyncio.sleep(0)
        over.append(name)
        if error:
            raise error
        return name

    with pytest.raises(KeyError):
        asyncio.run(_all(ends("slow", 9), ends("first", 3, KeyError()), ends("second", 1, ValueError())))
    assert over == ["second", "first", "slow"]
    assert asyncio.run(_all(ends("a", 2), ends("b", 1))) == ["a", "b"]


def test_the_others_are_cancelled_until_they_are() -> None:
    """Also one that misses it, as `asyncio.wait_for` does when what it waits for comes at that moment; and what fell is raised."""
    missed: list[int] = []

    async def misses() -> None:
        for each in range(3):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                missed.append(each)
        await asyncio.sleep(3600)

    async def falls() -> None:
        await asyncio.sleep(1)
        raise KeyError

    with pytest.raises(KeyError):
        in_virtual_time(first_over(misses(), falls(), misses()))
    assert sorted(missed) == [0, 0, 1, 1, 2, 2]


async def _all(*awaited: object) -> list[object]:
    return await all_over(*awaited)


def test_no_two_operators_have_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless they are told to: each would take the other's Lease for its own."""
    monkeypatch.setenv("TANDEM_OPERATOR_IDENTITY", "")
    assert Settings().identity != Settings().identity
    monkeypatch.setenv("TANDEM_OPERATOR_IDENTITY", "pod-1")
    assert Settings().identity == "pod-1"


def test_a_new_certificate_is_told_to_new_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is exchanged as kubelets exchange Secrets, by a link; while it is not there the old one is told."""
    link = tmp_path / "ca.crt"
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
    link.symlink_to("old")
    monkeypatch.setenv("TANDEM_OPERATOR_TELEMETRY_CA", str(link))
    site = CurrentSite(Settings())
    assert site().telemetry_ca == "old"
    link.unlink()
    assert site().telemetry_ca == "old"
    link.symlink_to("new")
    assert site().telemetry_ca == "new"
