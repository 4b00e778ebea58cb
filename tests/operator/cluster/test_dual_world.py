"""What the operator knows of DualRuns: parts as their pods show them, machines considered; and tokens that need no memory."""

from datetime import UTC, datetime
from typing import Any

from tandem_operator.cluster.dual.tokens import Tokens
from tandem_operator.cluster.dual.world import DualWorld
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.seen.parts import part_pod
from tandem_operator.plan.dual.values import Role, SeenPart

KEY = ("team", "d")


def pod(role: str = "worker", **status: Any) -> dict[str, Any]:
    """A pod that runs on node1, or has another status."""
    labels = {"dual-run": "d", "run-uid": "u", "role": role, "index": "1", "start": "3"}
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-26T11:00:00Z"},
        {"type": "Ready", "status": "True"},
    ]
    return {
        "metadata": {
            "name": f"d-{role}-1-3",
            "namespace": "team",
            "uid": "p",
            "creationTimestamp": "2026-11-26T10:59:00Z",
            "labels": {f"tandem.dev/{name}": value for name, value in labels.items()},
        },
        "spec": {"nodeName": "node1"},
        "status": {"phase": "Running", "conditions": conditions, **status},
    }


def ended(code: int, message: str = "", role: str = "worker") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": "Error", "message": message, "finishedAt": "2026-11-26T11:30:00Z"}}
    phase = "Failed" if code else "Succeeded"
    return pod(role, phase=phase, containerStatuses=[{"name": role, "state": state}])


def leaving(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "metadata": {**found["metadata"], "deletionTimestamp": "2026-11-26T11:59:30Z", "deletionGracePeriodSeconds": 30}}


def part(found: dict[str, Any]) -> SeenPart:
    seen = part_pod(found)
    assert seen
    return seen.part


def test_a_part_that_is_up() -> None:
    """Role, index and start by its labels; ready as its pod is; paid for since it has a machine."""
    found = part(pod())
    assert (found.role, found.index, found.start, found.slot) == (Role.WORKER, 1, 3, "worker-1")
    assert (found.ready, found.live, found.stopping) == (True, True, False)
    assert found.since == datetime(2026, 11, 26, 11, 0, tzinfo=UTC)
    assert part_pod({**pod(), "metadata": {"name": "another", "labels": {"tandem.dev/run": "d"}}}) is None


def test_how_a_part_ended() -> None:
    """By its exit code, and the last line that it said; the platform's word, or that somebody deleted it, is no failure of its own."""
    fallen = part(ended(93, "2026-11-26 INFO a line\ntandem-reasoning coordinator: job: it is none\n\n", "coordinator"))
    assert (fallen.exit_code, fallen.message, fallen.disrupted) == (93, "tandem-reasoning coordinator: job: it is none", False)
    assert part(leaving(ended(0))).disrupted
    turned_away = {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no card is left"}
    assert part({**pod(), "status": turned_away}).disrupted
    assert not part({**pod(), "status": {**turned_away, "reason": "Evicted", "message": "its own disk is full"}}).disrupted
    assert not part(leaving(pod())).ready


def test_a_part_on_a_machine_that_is_not_heard_of_is_fenced() -> None:
    """News of a machine is news for whoever has a part there; one that comes back has its part back."""
    told: list[tuple[str, str]] = []
    machines = Machines()
    world = DualWorld(told.append, machines)
    world.put_pod(pod())
    (known,) = world.pods_of(KEY, "u")
    for ready, fenced in (("True", False), ("Unknown", True), ("True", False)):
        told.clear()
        machines.put({"metadata": {"name": "node1"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
        assert told == [KEY]
        assert world.part(known).fenced is fenced
    assert not world.pods_of(KEY, "another run of this name")


def test_a_part_that_should_have_left_long_ago_is_fenced() -> None:
    """Its machine does not work, whatever that says of itself."""
    clock = [0.0]
    machines = Machines(clock=lambda: clock[0])
    world = DualWorld(lambda _: None, machines)
    machines.put({"metadata": {"name": "node1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    world.put_pod(leaving(pod()))
    (known,) = world.pods_of(KEY, "u")
    clock[0] += 90
    assert not world.part(known).fenced
    clock[0] += 1
    assert world.part(known).fenced


def test_a_pod_that_is_gone_leaves_its_place_empty() -> None:
    """It is told once, and another may be started there."""
    told: list[tuple[str, str]] = []
    world = DualWorld(told.append, Machines())
    world.put_pod(pod())
    world.put_pod(pod())
    world.drop_pod(("team", "d-worker-1-3"))
    world.drop_pod(("team", "d-worker-1-3"))
    assert told == [KEY, KEY]
    assert not world.pods_of(KEY, "u")


def test_a_token_is_the_same_for_every_operator_with_the_key() -> None:
    """One that was started anew knows it; no other key gives it, nor another run; its file is its owner's alone."""
    first, second, other = Tokens(b"k" * 32), Tokens(b"k" * 32), Tokens(b"l" * 32)
    assert first.of("u") == second.of("u")
    assert len({first.of("u"), first.of("v"), other.of("u")}) == 3
    file = first.file("u")
    assert (file.read_text(), file.stat().st_mode & 0o777) == (first.of("u"), 0o600)
    assert first.file("u") == file
    first.forget("u")
    assert not file.exists()
