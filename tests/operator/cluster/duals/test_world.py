"""What the operator knows of DualRuns: parts as their pods show them, machines considered; and credentials that need no memory."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster.dual.keyring import Keyring
from tandem_operator.cluster.dual.world import DualWorld
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.seen.parts import part_pod
from tandem_operator.plan.dual.values import Role, SeenPart
from tandem_operator.render.dual.environment import TLS_CERT

from tests.operator.plan.dual.runs import T0, dual

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


def test_the_newest_coordinator_says_whether_it_shows_a_certificate() -> None:
    """One of an earlier release is told of none; it has a say until another one is there, also once it has ended."""
    world = DualWorld(lambda _: None, Machines())
    assert not world.plaintext(KEY, "u")
    world.put_pod(pod())
    assert not world.plaintext(KEY, "u"), "a worker, which shows none"
    world.put_pod(told(pod("coordinator"), start=3, TANDEM_COORDINATOR_PLAINTEXT="true"))
    assert world.plaintext(KEY, "u")
    world.put_pod(told(ended(0, role="coordinator"), start=3))
    assert world.plaintext(KEY, "u")
    assert not world.plaintext(KEY, "another run of this name")
    world.put_pod(told(pod("coordinator"), start=4, **{TLS_CERT: "/tls.crt"}))
    assert not world.plaintext(KEY, "u")


def told(found: dict[str, Any], *, start: int, **variables: str) -> dict[str, Any]:
    """The same pod of another start, with such variables."""
    metadata = found["metadata"]
    role = metadata["labels"]["tandem.dev/role"]
    labels = {**metadata["labels"], "tandem.dev/start": str(start)}
    container = {"name": role, "env": [{"name": name, "value": value} for name, value in variables.items()]}
    named = {**metadata, "name": f"d-{role}-0-{start}", "labels": labels}
    return {**found, "metadata": named, "spec": {**found["spec"], "containers": [container]}}


def run_of(uid: str) -> DualRun:
    """A run as an API server knows it."""
    run = dual()
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"uid": uid, "creation_timestamp": T0})})


def test_credentials_are_the_same_for_every_operator_with_the_key() -> None:
    """One that was started anew knows them; no other key gives them, nor another run; the token's file is its owner's alone."""
    first, second, other = Keyring(b"k" * 32), Keyring(b"k" * 32), Keyring(b"l" * 32)
    run = run_of("u")
    assert first.of(run) == second.of(run)
    three = (first.of(run), first.of(run_of("v")), other.of(run))
    for secret in ("token", "certificate", "key", "digest"):
        assert len({getattr(each, secret) for each in three}) == 3
    file = first.token_file(run)
    assert (file.read_text(), file.stat().st_mode & 0o777) == (first.of(run).token, 0o600)
    assert first.token_file(run) == file
    first.forget("u")
    assert not file.exists()


def test_the_token_is_that_of_earlier_releases() -> None:
    """A coordinator that one of them started, and that goes on, still knows the operator by it."""
    assert Keyring(b"k" * 32).of(run_of("u")).token == hmac.new(b"k" * 32, b"u", hashlib.sha256).hexdigest()
