"""What a DualRun may say of its pods, in the words of a TrainingRun: where they run, what they get, what they find."""

from typing import Any

import pytest
from tandem_operator.plan.dual.values import Role, Slot

from .shapes import container
from .test_dual_pod import COORDINATOR, WORKER, part_of, run_of, volume

SLOTS = pytest.mark.parametrize("slot", [COORDINATOR, WORKER], ids=lambda slot: slot.name)
TAINT = {"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}
TMP = "/tmp"  # noqa: S108  # a place in the pod
KEPT = "karpenter.sh/do-not-disrupt"
SILENT = ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"]


@SLOTS
def test_a_run_that_says_nothing_goes_anywhere(slot: Slot) -> None:
    """No labels, no preference for machines that can vanish, and no patience with a node that is not heard of."""
    spec = part_of(slot)["spec"]
    assert "nodeSelector" not in spec
    assert "affinity" not in spec
    assert [each["key"] for each in spec["tolerations"]] == SILENT


@SLOTS
def test_its_machines_are_those_that_it_names(slot: Slot) -> None:
    """Labels and taints as they are written; workers still share out the nodes."""
    spec = part_of(slot, run_of(placement={"spot": "Never", "nodeSelector": {"pool": "cheap"}, "tolerations": [TAINT]}))["spec"]
    assert spec["nodeSelector"] == {"pool": "cheap"}
    assert spec["tolerations"][len(SILENT) :] == [TAINT]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in spec["affinity"]["nodeAffinity"]
    assert ("topologySpreadConstraints" in spec) is (slot.role is Role.WORKER)


def test_machines_that_can_vanish_are_as_welcome_as_in_training() -> None:
    """Preferred and tolerated unless the run says otherwise, once it says where it wants to be."""
    spec = part_of(WORKER, run_of(placement={}))["spec"]
    assert "preferredDuringSchedulingIgnoredDuringExecution" in spec["affinity"]["nodeAffinity"]
    assert "tandem.dev/spot" in {each["key"] for each in spec["tolerations"]}


@SLOTS
def test_its_pods_get_what_it_says(slot: Slot) -> None:
    """Class, rights, registries' Secrets, labels and annotations; ours hold where both name one."""
    wishes: dict[str, Any] = {
        "priorityClass": "low",
        "runtimeClass": "gvisor",
        "serviceAccount": "bucket-reader",
        "imagePullSecrets": ["registry"],
        "imagePullPolicy": "Always",
        "labels": {"team": "a", "tandem.dev/role": "mine"},
        "annotations": {"note": "x", "tandem.dev/job": "mine"},
    }
    made = part_of(slot, run_of(pod=wishes))
    spec, metadata = made["spec"], made["metadata"]
    assert (spec["priorityClassName"], spec["runtimeClassName"]) == ("low", "gvisor")
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("bucket-reader", True)
    assert {"name": "registry"} in spec["imagePullSecrets"]
    assert container(made)["imagePullPolicy"] == "Always"
    assert (metadata["labels"]["team"], metadata["labels"]["tandem.dev/role"]) == ("a", slot.role)
    assert metadata["annotations"]["note"] == "x"
    assert slot.role is Role.WORKER or metadata["annotations"]["tandem.dev/job"].startswith('{"runUid"')


@SLOTS
@pytest.mark.parametrize(("placement", "kept"), [(None, False), ({}, False), ({"spot": "Require"}, False), ({"spot": "Never"}, True)])
def test_a_pod_that_may_be_on_a_spot_machine_can_always_be_drained(slot: Slot, placement: dict[str, Any] | None, *, kept: bool) -> None:
    """Karpenter's `do-not-disrupt` would take the notice away; a run that names no machines may be on any."""
    run = run_of(pod={"annotations": {KEPT: "true", "note": "mine"}}, placement=placement)
    metadata = part_of(slot, run)["metadata"]
    assert metadata["annotations"]["note"] == "mine"
    assert (KEPT in metadata["annotations"]) is kept


@SLOTS
def test_each_part_gets_the_processors_and_memory_that_are_written(slot: Slot) -> None:
    """Memory is had or not had; what is not written is what the part takes by itself."""
    usual, wanted = (container(part_of(slot, run))["resources"] for run in (run_of(), run_of(pod={"memory": "4Gi"})))
    assert wanted == {"requests": {"cpu": usual["requests"]["cpu"], "memory": "4Gi"}, "limits": {"memory": "4Gi"}}
    assert container(part_of(slot, run_of(pod={"cpu": "2"})))["resources"]["requests"]["cpu"] == "2"


@SLOTS
def test_its_variables_and_volumes_are_there(slot: Slot) -> None:
    """A proxy to reach the cloud by, a question set of its own; a name stands once, and a place of ours may be taken."""
    wishes = {
        "env": [{"name": "HTTPS_PROXY", "value": "http://p:1"}, {"name": "TOKEN", "secret": {"name": "s", "key": "k"}}],
        "secrets": ["whole"],
        "volumes": [{"mountPath": "/questions", "configMap": "questions"}, {"mountPath": TMP, "claim": "scratch"}],
    }
    made = part_of(slot, run_of(pod=wishes))
    found = container(made)
    names = [each["name"] for each in found["env"]]
    assert len(names) == len(set(names))
    assert {"name": "HTTPS_PROXY", "value": "http://p:1"} in found["env"]
    assert {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": False}}} in found["env"]
    assert found["envFrom"] == [{"secretRef": {"name": "whole", "optional": False}}]
    assert volume(made, "volume-0")["configMap"] == {"name": "questions"}
    places = [mount["mountPath"] for mount in found["volumeMounts"]]
    assert len(places) == len(set(places))
    assert [mount["name"] for mount in found["volumeMounts"] if mount["mountPath"] == TMP] == ["volume-1"]
