"""What the parts of a DualRun need besides their pods and their credentials: a name in DNS, a disk for the books.

Each has the run's uid in its name, so that one which is there already is this very run's: nobody has to look whose it is.
"""

from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual.values import Role, Slot
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import DUAL_RUN, INDEX, ROLE, RUN_UID, Manifest, metadata

GRPC, METRICS = 7434, 9090
"""Ports of a coordinator: its workers' and Prometheus'."""

HTTP: Final = 8000
"""Port of an engine, whose image may open none below 1024."""

_OF_UID: Final = 8  # characters: names of runs have 40 at most, those of Services 63


def name(run: DualRun) -> str:
    """The name of all of them."""
    return f"{run.name}-{run.metadata.uid[:_OF_UID]}"


def address(run: DualRun) -> str:
    """host:port of the coordinator, wherever it is."""
    return f"{names(run)[0]}:{GRPC}"


def names(run: DualRun) -> tuple[str, ...]:
    """What the coordinator is called within the cluster, first as in its address."""
    short = name(run)
    return (f"{short}.{run.metadata.namespace}.svc", f"{short}.{run.metadata.namespace}", short)


def service(run: DualRun) -> Manifest:
    """The name that workers, and the operator, find the coordinator by."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(run, name(run)),
        "spec": {
            "selector": {DUAL_RUN: run.name, RUN_UID: run.metadata.uid, ROLE: Role.COORDINATOR.value},
            "ports": [
                {"name": "grpc", "port": GRPC, "protocol": "TCP", "appProtocol": "grpc"},
                {"name": "metrics", "port": METRICS, "protocol": "TCP", "appProtocol": "http"},
            ],
        },
    }


def engine_url(run: DualRun, slot: str) -> str:
    """The API of an engine, wherever it is."""
    return f"http://{_engine_name(run, slot)}.{run.metadata.namespace}.svc:{HTTP}/v1"


def engine_service(run: DualRun, slot: Slot) -> Manifest:
    """The name that workers find an engine by, whichever of its starts answers."""
    its_own = {ROLE: slot.role.value, INDEX: str(slot.index)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(run, _engine_name(run, slot.name), its_own),
        "spec": {
            "selector": {DUAL_RUN: run.name, RUN_UID: run.metadata.uid, **its_own},
            "ports": [{"name": "http", "port": HTTP, "protocol": "TCP", "appProtocol": "http"}],
        },
    }


def claim(run: DualRun, site: PodSite) -> Manifest:
    """The disk that the books are kept on, for one machine at a time; it goes with the run."""
    storage = {"storageClassName": site.ledger_class} if site.ledger_class else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(run, name(run)),
        "spec": {"accessModes": ["ReadWriteOnce"], **storage, "resources": {"requests": {"storage": site.ledger_size}}},
    }


def _engine_name(run: DualRun, slot: str) -> str:
    return f"{name(run)}-{slot}"
