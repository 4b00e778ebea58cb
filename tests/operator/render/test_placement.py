"""Where pods may run."""

import itertools
from typing import Any

import pytest
from tandem_operator.api.placement import Spot

from .shapes import pod_of, run_of

SPOT_NODES = [
    {"karpenter.sh/capacity-type": "spot"},
    {"eks.amazonaws.com/capacityType": "SPOT"},
    {"cloud.google.com/gke-spot": "true"},
    {"kubernetes.azure.com/scalesetpriority": "spot"},
]
OTHER_NODES: list[dict[str, str]] = [{}, {"karpenter.sh/capacity-type": "on-demand"}, {"eks.amazonaws.com/capacityType": "ON_DEMAND"}]


def _admits(affinity: dict[str, Any], labels: dict[str, str]) -> bool:
    """Whether a requirement lets a pod onto a node: terms are alternatives, expressions in a term all count (`MatchNodeSelectorTerms`)."""
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return any(all(_matches(expression, labels) for expression in term["matchExpressions"]) for term in terms)


def _matches(expression: dict[str, Any], labels: dict[str, str]) -> bool:
    found = labels.get(expression["key"]) in expression["values"]
    return found if expression["operator"] == "In" else not found


@pytest.mark.parametrize(("spot", "welcome"), [(Spot.REQUIRE, SPOT_NODES), (Spot.NEVER, OTHER_NODES)])
def test_a_demand_is_understood_by_every_cloud(spot: Spot, welcome: list[dict[str, str]]) -> None:
    """Whichever cloud labels the machine; one without any label is no spot machine."""
    affinity = pod_of(run_of(), spot=spot)["spec"]["affinity"]["nodeAffinity"]
    for labels in itertools.chain(SPOT_NODES, OTHER_NODES):
        assert _admits(affinity, labels) == (labels in welcome), labels


def test_a_preference_keeps_no_machine_out() -> None:
    """Each cloud's spot machines are preferred alike, and nothing is required."""
    affinity = pod_of(run_of(), spot=Spot.PREFER)["spec"]["affinity"]["nodeAffinity"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" not in affinity
    preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert [each["weight"] for each in preferred] == [100] * len(SPOT_NODES)
    for each, labels in zip(preferred, SPOT_NODES, strict=True):
        assert all(_matches(expression, labels) for expression in each["preference"]["matchExpressions"])


def test_taints_of_spot_machines_are_tolerated_unless_those_are_unwanted() -> None:
    """A taint is how a cloud keeps everybody else away."""
    taints = {"cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority", "tandem.dev/spot"}
    for spot in Spot:
        tolerated = {toleration.get("key") for toleration in pod_of(run_of(), spot=spot)["spec"]["tolerations"]}
        assert tolerated & taints == (set() if spot is Spot.NEVER else taints)


def test_a_silent_node_is_borne_for_the_time_of_the_site_only() -> None:
    """Kubernetes' own 300 seconds come only to pods that say nothing of these taints."""
    borne = {each["key"]: each for each in pod_of(run_of())["spec"]["tolerations"] if "tolerationSeconds" in each}
    assert borne.keys() == {"node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"}
    assert all((each["tolerationSeconds"], each["effect"]) == (15, "NoExecute") for each in borne.values())


def test_labels_and_tolerations_of_the_run_are_taken_over() -> None:
    """A node selector narrows what spot allows, and a toleration stands as it was written."""
    toleration = {"key": "team", "operator": "Equal", "value": "a", "effect": "NoExecute", "tolerationSeconds": 60}
    spec = pod_of(run_of(placement={"nodeSelector": {"disk": "fast"}, "tolerations": [toleration]}))["spec"]
    assert spec["nodeSelector"] == {"disk": "fast"}
    assert toleration in spec["tolerations"]


def test_workers_of_an_attempt_stay_together_in_a_zone_and_apart_in_it() -> None:
    """Near to each other, evenly over nodes, and no pod of an earlier attempt is minded."""
    spec = pod_of(run_of(attempt=2, workers=2))["spec"]
    peers = {"matchLabels": {"tandem.dev/run": "r", "tandem.dev/attempt": "2"}}
    (near,) = spec["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert near["podAffinityTerm"] == {"labelSelector": peers, "topologyKey": "topology.kubernetes.io/zone"}
    (spread,) = spec["topologySpreadConstraints"]
    assert (spread["labelSelector"], spread["topologyKey"]) == (peers, "kubernetes.io/hostname")
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert "podAntiAffinity" not in spec["affinity"]


def test_each_worker_has_a_node_of_its_own_where_the_run_asks_for_it() -> None:
    """A requirement against the same attempt only: what is left of the one before does not keep the next one waiting."""
    spec = pod_of(run_of(attempt=2, workers=2, placement={"onePerNode": True}))["spec"]
    (apart,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart["labelSelector"] == {"matchLabels": {"tandem.dev/run": "r", "tandem.dev/attempt": "2"}}
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert "topologySpreadConstraints" not in spec


def test_one_worker_has_nobody_to_be_near_to() -> None:
    """Nor anybody to be kept apart from."""
    spec = pod_of(run_of(placement={"onePerNode": True}))["spec"]
    assert spec["affinity"].keys() == {"nodeAffinity"}
    assert not {"topologySpreadConstraints", "subdomain"} & set(spec)
