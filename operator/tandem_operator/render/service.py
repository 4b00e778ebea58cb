"""The names by which the workers of a run find each other: a headless Service.

Names are given before pods are ready, because the ranks meet before there is anything to be ready for.
"""

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import rendezvous

from .manifest import RUN, Manifest, metadata


def rendezvous_service(run: TrainingRun) -> Manifest | None:
    """The Service of `run`; None where there is nobody to be found."""
    if not rendezvous.needed(run):
        return None
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(run, rendezvous.domain(run)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {RUN: run.name},
            "ports": [{"name": "rendezvous", "port": rendezvous.PORT, "protocol": "TCP"}],
        },
    }
