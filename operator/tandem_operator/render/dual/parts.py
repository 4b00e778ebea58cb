"""Which pod a part of a DualRun is: a server of a model, or one of our own programs."""

from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest

from .engine_pod import engine_pod
from .pod import pod


def pod_of(part: Part, run: DualRun, site: PodSite, digest: str) -> Manifest:
    """The pod that `part` of `run` is at `site`; `digest` is that of the run's credentials, which engines are not shown."""
    return engine_pod(part, run, site) if part.slot.role is Role.ENGINE else pod(part, run, site, digest)
