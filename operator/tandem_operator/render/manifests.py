"""All that a cluster would be given for an attempt, in the order in which it is made; `dual/manifests.py` has the same for a DualRun."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.preview import preview
from tandem_operator.plan.values import Worker

from .cluster_site import PodSite
from .disruption_budget import disruption_budget
from .dual import manifests as pair
from .manifest import Manifest
from .pod import pod
from .service import rendezvous_service


def manifests(run: TrainingRun, workers: Iterable[Worker], site: PodSite) -> tuple[Manifest, ...]:
    """The Service, if there is one, the disruption budget and a pod for each of `workers`."""
    service = rendezvous_service(run)
    return (*([service] if service else []), disruption_budget(run, hold=False), *(pod(worker, run, site) for worker in workers))


AS_INSTALLED: Final = PodSite(
    trainer_image="localhost/tandem-trainer:dev",
    image_pull_policy="IfNotPresent",
    grace_seconds=100,
    unreachable_seconds=15,
    telemetry="tandem-telemetry.tandem.svc:7070",
    reasoning_image="localhost/tandem-reasoning:dev",
    reasoning_pull_policy="IfNotPresent",
    ledger_size="1Gi",
)
"""A cluster that got `helm install tandem charts/tandem -n tandem` and no settings (tests hold it against the chart)."""


def foreseen(run: TrainingRun | DualRun) -> list[Manifest]:
    """What such a cluster would be given for the next attempt of `run`."""
    if isinstance(run, DualRun):
        return pair.foreseen(run, AS_INSTALLED)
    return list(manifests(run, preview(run, hours=Decimal(1)).workers, AS_INSTALLED))
