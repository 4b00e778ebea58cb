"""Machines that go: with notice, without, for a while, and because somebody drains them. Nothing acknowledged is ever lost."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from tandem_objects import Store, open_store
from tandem_trainer.checkpoint import keys
from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.errors import Fenced

from tests.cluster.cluster import Cluster
from tests.e2e.cluster.installation import Applied, Tenant
from tests.trainer_image.checkpoint import world

pytestmark = pytest.mark.slow
TAKEN = "node2"  # operator and telemetry are on the other
KEPT = {"everySteps": 100, "keepLast": 1000}  # none of an earlier attempt is swept while a test looks


@pytest.fixture
def run(tenant: Tenant, small: dict[str, Any]) -> Applied:
    """A run with a worker on each of two nodes, which has a checkpoint and goes on."""
    run = tenant.apply(small, checkpoint=KEPT)
    run.wait_for_checkpoint(100)
    assert {pod["spec"]["nodeName"] for pod in run.pods} == {"node1", "node2"}
    return run


def _goes_on(run: Applied, *, attempt: int) -> dict[str, Any]:
    """The status, once a later attempt has made a step."""
    run.wait(f"attempt {attempt} to train", lambda run: run.status["attempt"] >= attempt and "fellAt" not in run.status)
    run.wait_for_phase("Running")
    return run.status


def _store(run: Applied) -> Store:
    """Where the run keeps its checkpoints."""
    ours = run.tenant.installation
    return open_store(f"s3://{ours.bucket}/{run.place}", ours.cluster.minio.environ)


def _attempts(store: Store) -> Mapping[int, int]:
    """The attempt of each claim."""
    numbers = [number for info in store.list(keys.CLAIMS) if (number := keys.claim_number(info.key)) is not None]
    return {number: json.loads(store.get(keys.claim(number)))["attempt"] for number in sorted(numbers)}


def _kept_steps(run: Applied) -> Mapping[int, list[int]]:
    """The steps that have a manifest, by attempt."""
    store = _store(run)
    saves = [save for info in store.list(keys.MANIFESTS) if (save := keys.manifest_save(info.key)) is not None]
    attempts = _attempts(store)
    steps: dict[int, list[int]] = {}
    for save in saves:
        steps.setdefault(attempts[save.claim], []).append(save.step)
    return dict(sorted(steps.items()))


def _one_attempt_at_a_time(run: Applied) -> None:
    """Once the second attempt has a manifest: none of an earlier attempt is of a later step than the one that a later went on from."""
    run.wait("a checkpoint of attempt 2", lambda run: 2 in _kept_steps(run))
    steps = _kept_steps(run)
    assert {1, 2} <= set(steps)
    claimed = list(_attempts(_store(run)).values())
    assert claimed == sorted(claimed), "a later attempt has the higher claim"
    assert all(max(before) < min(after) for before, after in pairwise(steps.values())), steps


def _refused(run: Applied) -> None:
    """What the first attempt's processes would do, had they come back in time: neither a checkpoint nor a new claim is taken."""
    store, uid = _store(run), run.object["metadata"]["uid"]
    first = max(number for number, attempt in _attempts(store).items() if attempt == 1)
    with pytest.raises(Fenced, match=f"claim {first} on .* is superseded by claim .* of a newer attempt"):
        world.save(store, {"late": world.numbers("late", 100)}, claim=first, step=10**9)
    with pytest.raises(Fenced, match="is of attempt 2: attempt 1 came too late"):
        claim(store, attempt=1, uid=uid, now=datetime.now(UTC))
    assert 10**9 not in _kept_steps(run)[1]


def test_a_notice_loses_no_step(run: Applied, cluster: Cluster) -> None:
    """One of two nodes is about to go: all ranks checkpoint together, and the next attempt goes on elsewhere at the next step."""
    cluster.node_notice(TAKEN, "nth")
    status = _goes_on(run, attempt=2)
    assert (status["lostSteps"], status["preemptions"], status["failures"]) == (0, 1, 0)
    assert {pod["spec"]["nodeName"] for pod in run.pods if pod["metadata"]["labels"]["tandem.dev/attempt"] == "2"} == {"node1"}
    run.wait_for_event("Recovered")
    assert [reason for reason in run.events if reason in {"Interrupted", "Restarting", "Recovered"}] == [
        "Interrupted",
        "Restarting",
        "Recovered",
    ]
    _one_attempt_at_a_time(run)


def test_a_drain_ends_and_leaves_a_checkpoint(run: Applied, cluster: Cluster) -> None:
    """`kubectl drain` is held up only until the run may be evicted; what was trained until then is saved."""
    cluster.kubectl("drain", TAKEN, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
    status = _goes_on(run, attempt=2)
    assert (status["lostSteps"], status["preemptions"], status["failures"]) == (0, 1, 0)
    _one_attempt_at_a_time(run)


def test_a_power_cut_costs_no_more_than_the_steps_since_the_last_checkpoint(run: Applied, cluster: Cluster) -> None:
    """Nobody says goodbye: the node is known to be gone, what is left of the attempt leaves, and the newest manifest is gone on from."""
    cluster.node_kill(TAKEN)
    status = _goes_on(run, attempt=2)
    assert status["preemptions"] == 1
    assert status["failures"] == 0
    assert 0 <= status["lostSteps"] <= 2 * 100 + 20
    _one_attempt_at_a_time(run)


def test_who_comes_back_from_a_partition_overwrites_nothing(tenant: Tenant, small: dict[str, Any], cluster: Cluster) -> None:
    """A worker that was cut off trains on, alone and unheard; when it is back its attempt is over, and its writes are refused.

    Whether it still lives to write is luck, so the test also writes in its place, under its claim.
    """
    cluster.kubectl("cordon", "node1")
    run = tenant.apply(small, workers=1, checkpoint=KEPT)
    run.wait_for_checkpoint(100)
    cluster.kubectl("uncordon", "node1")
    cluster.node_cut(TAKEN)
    _goes_on(run, attempt=2)
    cluster.node_mend(TAKEN)
    cluster.wait_until("the node to be back", lambda: cluster.node_is_ready(TAKEN))
    before = run.status["step"]
    run.wait("more steps", lambda run: run.status["step"] > before + 50)
    _refused(run)
    assert run.status["attempt"] == 2
    assert {pod["metadata"]["labels"]["tandem.dev/attempt"] for pod in run.pods} == {"2"}
    _one_attempt_at_a_time(run)
