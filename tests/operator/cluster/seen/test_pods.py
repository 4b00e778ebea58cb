"""Real pods as the planner sees them: living, waiting, leaving, ended, and why."""

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tandem_operator.cluster.seen.pods import seen_pod
from tandem_operator.cluster.seen.waits import refused
from tandem_operator.plan.values import SaveAsked, SeenWorker, Tier, Waiting

SAMPLES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("samples.yaml").read_text())


def pod(sample: str, **status: Any) -> dict[str, Any]:
    """A real pod; with another status, where the machine at hand could not be told to bring that about."""
    found = copy.deepcopy(SAMPLES[sample])
    found["status"] |= status
    return found


def worker(found: dict[str, Any]) -> SeenWorker:
    seen = seen_pod(found)
    assert seen
    return seen.worker


def test_whose_it_is() -> None:
    """Run, attempt, rank and object, by its labels."""
    seen = seen_pod(pod("running"))
    assert seen
    assert (seen.run, seen.run_uid) == (("default", "r"), "0f8fad5b-d9cb-469f-a165-70867728950e")
    assert seen.uid == SAMPLES["running"]["metadata"]["uid"]
    assert (seen.worker.attempt, seen.worker.rank, seen.worker.node, seen.worker.spare) == (2, 1, "node1", False)


@pytest.mark.parametrize(
    ("label", "written"),
    [(f"tandem.dev/{name}", written) for name in ("run", "attempt", "rank") for written in (None, "")]
    + [("tandem.dev/attempt", "minus one"), ("tandem.dev/rank", "-1")],
)
def test_a_pod_that_is_no_worker(label: str, written: str | None) -> None:
    """Whatever lacks a label of ours, or has nonsense there, is left alone."""
    found = pod("running")
    found["metadata"]["labels"][label] = written
    assert seen_pod(found) is None


def _asked(after: str, at: str) -> SaveAsked | None:
    found = pod("running")
    found["metadata"]["annotations"] = {"tandem.dev/save-after-step": after, "tandem.dev/save-asked-at": at}
    return worker(found).asked


def test_what_it_was_asked_for() -> None:
    """A checkpoint after a step, since a moment."""
    assert worker(pod("running")).asked is None
    assert _asked("300", "2026-11-26T23:40:00+00:00") == SaveAsked(after=300, at=datetime(2026, 11, 26, 23, 40, tzinfo=UTC))


@pytest.mark.parametrize(("after", "at"), [("1", "0001-01-01T00:00:00+14:00"), ("1", "soon"), ("1", ""), ("-1", "2026-11-26"), ("", "")])
def test_what_somebody_else_has_written_there(after: str, at: str) -> None:
    """Whoever may annotate pods can write anything: what cannot be read was not asked for."""
    assert _asked(after, at) is None


def test_a_spare() -> None:
    """It is told apart by its label."""
    found = pod("running")
    found["metadata"]["labels"]["tandem.dev/spare"] = "true"
    assert worker(found).spare


@pytest.mark.parametrize(
    ("sample", "code", "message", "disrupted", "stopping"),
    [
        ("exit-0", 0, "", False, False),
        ("exit-1", 1, "last words of 1\n", False, False),
        ("exit-93", 93, "last words of 93\n", False, False),
        ("exit-143", 143, "last words of 143\n", False, False),
        ("oom", 137, "OOMKilled", False, False),
        ("no-program", 128, "StartError: failed to create containerd task", False, False),
        ("deadline", 137, "DeadlineExceeded: Pod was active on the node longer than the specified deadline", False, False),
        ("evicted", 143, "up\n", True, True),
        ("killed-after-grace", 137, "", False, True),
        ("lost-with-its-node", 137, "ended before its container did", True, True),
    ],
)
def test_an_end(sample: str, code: int, message: str, *, disrupted: bool, stopping: bool) -> None:
    """With which code, what it said last, and whether the platform ended it."""
    seen = worker(pod(sample))
    assert (seen.exit_code, seen.disrupted, seen.stopping, seen.waiting) == (code, disrupted, stopping, None)
    assert seen.message.startswith(message)
    assert bool(seen.message) is bool(message)
    assert not seen.live


@pytest.mark.parametrize(("sample", "stopping", "disrupted"), [("running", False, False), ("evicting", True, True), ("lost", True, True)])
def test_a_life(sample: str, *, stopping: bool, disrupted: bool) -> None:
    """A worker that runs, also one that was asked to leave or whose machine is lost, lives and waits for nothing."""
    seen = worker(pod(sample))
    assert (seen.live, seen.stopping, seen.disrupted, seen.waiting) == (True, stopping, disrupted, None)


@pytest.mark.parametrize(
    "reason",
    [
        "PreemptionByScheduler",
        "DeletionByTaintManager",
        "EvictionByEvictionAPI",
        "DeletionByPodGC",
        "TerminationByKubelet",
        "DeletionByDeviceTaintManager",
    ],
)
def test_a_disruption_by_its_condition(reason: str) -> None:
    """Whoever it is that ends a pod, DisruptionTarget says so; taken back it says nothing."""
    for status in ("True", "False"):
        said = {"type": "DisruptionTarget", "status": status, "reason": reason}
        seen = worker(pod("running", conditions=[*SAMPLES["running"]["status"]["conditions"], said]))
        assert seen.disrupted is (status == "True")


@pytest.mark.parametrize(("code", "reason"), [(255, "Unknown"), (137, "ContainerStatusUnknown")])
def test_a_machine_that_went_down_and_up(code: int, reason: str) -> None:
    """Back before anybody missed it, it no longer knows the containers that it had: nobody blames the trainer for that."""
    found = pod("exit-1")
    ended = {"exitCode": code, "reason": reason, "finishedAt": None}
    (trainer,) = (each for each in found["status"]["containerStatuses"] if "exitCode" in each["state"].get("terminated", {}))
    trainer["state"]["terminated"] = ended
    seen = worker(found)
    assert (seen.exit_code, seen.disrupted, seen.message) == (code, True, reason)


def test_a_pod_that_kueue_sends_away() -> None:
    """It says so in a condition of its own, and why; also of one that exits with anything but 143 then."""
    said = {"type": "TerminationTarget", "status": "True", "reason": "WorkloadEvictedDueToPreempted", "message": "somebody\ncomes first"}
    for sample in ("running", "exit-1"):
        seen = worker(pod(sample, conditions=[*SAMPLES[sample]["status"]["conditions"], said]))
        assert (seen.disrupted, seen.disruption) == (True, "somebody comes first")


@pytest.mark.parametrize(
    ("reason", "disrupted"),
    [
        ("Evicted", False),
        ("NodeShutdown", True),
        ("Terminated", True),
        ("Preempting", True),
        ("OutOfcpu", True),
        ("OutOfnvidia.com/gpu", True),
        ("UnexpectedAdmissionError", True),
        ("NodeAffinity", True),
        ("DeadlineExceeded", False),
        ("SomethingElse", False),
    ],
)
def test_a_disruption_by_the_kubelets_word(reason: str, *, disrupted: bool) -> None:
    """A pod that was never let in, or put out, says why itself; its containers may not have begun."""
    seen = worker(pod("fresh", phase="Failed", reason=reason, message="because of that"))
    assert (seen.disrupted, seen.exit_code, seen.message) == (disrupted, 137, f"{reason}: because of that")


@pytest.mark.parametrize(
    ("said", "disrupted"),
    [("The node was low on resource: memory.", True), ('Usage of EmptyDir volume "cache" exceeds the limit "1Gi".', False)],
)
def test_evicted_for_want_of_room(said: str, *, disrupted: bool) -> None:
    """The machine's own want is nobody's fault; a pod that takes more than it was given has failed. What the kubelet says is not lost."""
    found = pod("killed-after-grace", reason="Evicted", message=said)
    others = [each for each in found["status"]["conditions"] if each["type"] != "DisruptionTarget"]
    target = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": said}
    found["status"]["conditions"] = [*others, *([target] if disrupted else [])]
    assert (worker(found).disrupted, worker(found).message) == (disrupted, f"Evicted: {said}")


@pytest.mark.parametrize(
    ("sample", "tier", "said", "placed"),
    [
        ("fresh", Tier.START, "the scheduler has not looked at it yet", False),
        ("gated", Tier.QUOTA, "held back by kueue.x-k8s.io/admission", False),
        ("no-cpu", Tier.NO_CAPACITY, "0/2 nodes are available: 2 Insufficient cpu.", False),
        ("no-gpu", Tier.NO_CAPACITY, "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", False),
        ("no-such-node", Tier.NO_CAPACITY, "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", False),
        ("no-such-claim", Tier.MISCONFIGURED, '0/2 nodes are available: persistentvolumeclaim "missing" not found.', False),
        ("never-pull", Tier.MISCONFIGURED, "ErrImageNeverPull: Container image", True),
        ("bad-name", Tier.MISCONFIGURED, "InvalidImageName: Failed to apply default image tag", True),
        ("no-image", Tier.MISCONFIGURED, "ErrImagePull: failed to pull and unpack image", True),
        ("no-secret", Tier.MISCONFIGURED, 'CreateContainerConfigError: secret "missing" not found', True),
    ],
)
def test_a_wait(sample: str, tier: Tier, said: str, *, placed: bool) -> None:
    """For what, in whose words, and whether its machine is paid for already."""
    waiting = worker(pod(sample)).waiting
    assert waiting
    assert (waiting.tier, waiting.placed) == (tier, placed)
    assert waiting.message.startswith(said)


def test_a_wait_in_a_queue() -> None:
    """Kueue's reasons stand elsewhere, so it is said where, and in which queue it waits."""
    found = pod("gated")
    found["metadata"]["labels"] |= {"kueue.x-k8s.io/queue-name": "team", "kueue.x-k8s.io/pod-group-name": "r-0f8fad5b-2"}
    said = "queue team has not admitted group r-0f8fad5b-2 yet; `kubectl describe workload r-0f8fad5b-2 -n default` says why"
    assert worker(found).waiting == Waiting(tier=Tier.QUOTA, message=said)
    assert worker(found).unqueued
    found["metadata"]["labels"]["kueue.x-k8s.io/managed"] = "true"
    assert not worker(found).unqueued


def test_the_way_up() -> None:
    """Placed, then its room is made ready, then its image is pulled, then it runs."""
    placed = pod("fresh", conditions=[{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-26T01:40:00Z"}])
    placed["spec"]["nodeName"] = "node1"
    assert worker(placed).waiting == Waiting(tier=Tier.START, message="being started on node1", placed=True)
    ready = {"type": "PodReadyToStartContainers", "status": "True"}
    creating = [{"name": "worker", "state": {"waiting": {"reason": "ContainerCreating"}}}]
    placed["status"] |= {"conditions": [*placed["status"]["conditions"], ready], "containerStatuses": creating}
    assert worker(placed).waiting == Waiting(tier=Tier.IMAGE, message="the image is being pulled on node1", placed=True)
    placed["status"] |= {"phase": "Running", "containerStatuses": [{"name": "worker", "state": {"running": {}}}]}
    assert worker(placed).waiting is None


def test_a_node_that_is_made_ready() -> None:
    """A pod that others make room for has its node named before it is there."""
    waiting = worker(pod("no-cpu", nominatedNodeName="node7")).waiting
    assert waiting == Waiting(tier=Tier.NODE, message="node node7 is being made ready for it")


def test_since_when() -> None:
    """A worker is paid for from the moment at which it has its machine; until then it counts from when it was made."""
    found = pod("running")
    (placed,) = [each for each in found["status"]["conditions"] if each["type"] == "PodScheduled"]
    placed["lastTransitionTime"] = "2026-11-26T01:50:00Z"
    assert worker(found).since.isoformat() == "2026-11-26T01:50:00+00:00"
    made = SAMPLES["no-cpu"]["metadata"]["creationTimestamp"].replace("Z", "+00:00")
    assert worker(pod("no-cpu")).since.isoformat() == made


def test_until_when() -> None:
    """The end is the container's own; of one that nobody saw it is not known."""
    ended = SAMPLES["exit-1"]["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"].replace("Z", "+00:00")
    until = worker(pod("exit-1")).until
    assert until
    assert until.isoformat() == ended
    assert worker(pod("lost-with-its-node")).until is None


@pytest.mark.parametrize(
    ("status", "message", "tier"),
    [
        (403, 'pods "r-1-0" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1', Tier.QUOTA),
        (403, 'pods "r-1-0" is forbidden: violates PodSecurity "restricted:latest": privileged', Tier.MISCONFIGURED),
        (422, 'Pod "r-1-0" is invalid: spec.containers[0].resources: Invalid value', Tier.MISCONFIGURED),
        (400, "exceeded quota", Tier.MISCONFIGURED),
    ],
)
def test_a_refusal(status: int, message: str, tier: Tier) -> None:
    """A quota passes by itself; all else needs a person."""
    assert refused(status, message) == Waiting(tier=tier, message=message)
