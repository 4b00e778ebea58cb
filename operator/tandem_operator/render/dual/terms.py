"""The terms that hold for all pods of a DualRun: whose image they have, and on which machines they may be."""

from collections.abc import Mapping

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.placement import Spot
from tandem_operator.plan.dual.values import Role
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import DUAL_RUN, ROLE, Manifest
from tandem_operator.render.worker_pod import annotations as of_pods
from tandem_operator.render.worker_pod.placement import machines, silent


def image(run: DualRun, site: PodSite) -> Manifest:
    """The image of coordinators and workers, which has the examples, too."""
    assert site.reasoning_image, "a run is not accepted without"
    policy = run.spec.pod.image_pull_policy or site.reasoning_pull_policy
    return {"image": site.reasoning_image, **({"imagePullPolicy": policy} if policy else {})}


def placement(run: DualRun, site: PodSite, *, tainted: tuple[str, ...] = ()) -> Manifest:
    """On which machines it may be, also on those with a taint of a key of `tainted`."""
    wanted = run.spec.placement
    if wanted:
        return machines(wanted, wanted.spot, site, tainted=tainted)
    return {"tolerations": [*({"key": key, "operator": "Exists"} for key in tainted), *silent(site)]}


def annotations(run: DualRun) -> Mapping[str, str]:
    """Those that it has written. Where a run does not say on which machines its pods may be, they may be on spot machines, too."""
    wanted = run.spec.placement
    return of_pods.annotations(run.spec.pod, wanted.spot if wanted else Spot.PREFER)


def spread(run: DualRun, role: Role) -> Manifest:
    """Parts of a role share out the nodes evenly where there is room, so that one lost node takes few of them along."""
    others = {"labelSelector": {"matchLabels": {DUAL_RUN: run.name, ROLE: role.value}}}
    evenly = {**others, "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    return {"topologySpreadConstraints": [evenly]}
