"""All that a cluster would be given for an attempt, in the order in which it is made."""

from collections.abc import Iterable

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Worker

from .cluster_site import PodSite
from .disruption_budget import disruption_budget
from .manifest import Manifest
from .pod import pod
from .service import rendezvous_service


def manifests(run: TrainingRun, workers: Iterable[Worker], site: PodSite) -> tuple[Manifest, ...]:
    """The Service, if there is one, the disruption budget and a pod for each of `workers`."""
    service = rendezvous_service(run)
    return (*([service] if service else []), disruption_budget(run, hold=False), *(pod(worker, run, site) for worker in workers))
