"""Where a worker may run: on spot machines or not, despite which taints, and how near to the others of its attempt."""

from typing import Any, Final

from tandem_operator.api.placement import PlacementSpec, Spot
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import rendezvous
from tandem_operator.plan.values import Worker
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import ATTEMPT, RUN, Manifest

from .resources import CARDS

_SPOT_LABELS: Final = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
_SPOT_TAINTS: Final = ("cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority", "tandem.dev/spot")
_SILENT: Final = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
_MOST = 100  # weights of preferences go from 1 to 100


def placement(worker: Worker, run: TrainingRun, site: PodSite) -> Manifest:
    """The part of a pod's spec that the scheduler reads."""
    cards = (CARDS[run.spec.accelerator],) if run.spec.gpus_per_worker else ()
    where = machines(run.spec.placement, worker.spot, site, tainted=cards)
    parts: Manifest = {
        **where,
        "affinity": {**where["affinity"], **_near(worker, run)},
        "topologySpreadConstraints": _spread(worker, run),
    }
    return {name: part for name, part in parts.items() if part}


def machines(wanted: PlacementSpec, spot: Spot, site: PodSite, *, tainted: tuple[str, ...] = ()) -> Manifest:
    """On which machines a pod may be: by their labels, spot or not, and despite which taints, those with a key of `tainted` among them."""
    keys = (*tainted, *(_SPOT_TAINTS if spot is not Spot.NEVER else ()))
    theirs: list[dict[str, Any]] = [
        toleration.model_dump(mode="json", by_alias=True, exclude_none=True) for toleration in wanted.tolerations
    ]
    return {
        "nodeSelector": dict(wanted.node_selector),
        "affinity": {"nodeAffinity": _spot(spot)},
        "tolerations": [*({"key": key, "operator": "Exists"} for key in keys), *silent(site), *theirs],
    }


def silent(site: PodSite) -> list[Manifest]:
    """How long a pod stays on a node that is not heard of. Kubernetes would add 300 s by itself, in which the run would stand still."""
    return [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": site.unreachable_seconds} for key in _SILENT]


def _spot(spot: Spot) -> Manifest:
    """Every cloud has a label of its own. The terms of a requirement are alternatives, the expressions in a term are not."""
    match spot:
        case Spot.REQUIRE:
            terms = [_term(label) for label in _SPOT_LABELS]
            return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        case Spot.PREFER:
            preferences = [{"weight": _MOST, "preference": _term(label)} for label in _SPOT_LABELS]
            return {"preferredDuringSchedulingIgnoredDuringExecution": preferences}
        case Spot.NEVER:
            return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_term(*_SPOT_LABELS, operator="NotIn")]}}


def _term(*labels: str, operator: str = "In") -> Manifest:
    return {"matchExpressions": [{"key": label, "operator": operator, "values": [_SPOT_LABELS[label]]} for label in labels]}


def _near(worker: Worker, run: TrainingRun) -> Manifest:
    """The workers of an attempt in one zone, where the way between them is short and free; each on a node of its own if asked for."""
    if not rendezvous.needed(run):
        return {}
    zone = {**_others(worker), "topologyKey": "topology.kubernetes.io/zone"}
    near = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": _MOST, "podAffinityTerm": zone}]}}
    if not run.spec.placement.one_per_node:
        return near
    node = {**_others(worker), "topologyKey": "kubernetes.io/hostname"}
    return {**near, "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [node]}}


def _spread(worker: Worker, run: TrainingRun) -> list[Manifest]:
    """Workers share out the nodes evenly where there is room, so that one lost node takes few of them along."""
    if not rendezvous.needed(run) or run.spec.placement.one_per_node:
        return []
    return [{**_others(worker), "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}]


def _others(worker: Worker) -> Manifest:
    """The workers of the same attempt: one of an attempt before, which is still leaving, is in nobody's way."""
    return {"labelSelector": {"matchLabels": {RUN: worker.run, ATTEMPT: str(worker.attempt)}}}
