"""What the parts of a DualRun need besides their pods: a name in DNS, a disk for the books, a token among themselves.

Each has the run's uid in its name, so that one which is there already is this very run's: nobody has to look whose it is.
"""

import base64
import hashlib
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual.values import Role, Slot
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import DUAL_RUN, INDEX, ROLE, RUN_UID, Manifest, metadata

GRPC, METRICS = 7434, 9090
"""Ports of a coordinator: its workers' and Prometheus'."""

HTTP: Final = 8000
"""Port of an engine, whose image may open none below 1024."""

TOKEN: Final = "token"  # noqa: S105  # a name, no secret
_OF_UID: Final = 8  # characters: names of runs have 40 at most, those of Services 63


def name(run: DualRun) -> str:
    """The name of all of them."""
    return f"{run.name}-{run.metadata.uid[:_OF_UID]}"


def address(run: DualRun) -> str:
    """host:port of the coordinator, wherever it is."""
    return f"{name(run)}.{run.metadata.namespace}.svc:{GRPC}"


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


def digest(token: str) -> str:
    """What tells a token from others, and gives nothing of it away."""
    return hashlib.sha256(token.encode()).hexdigest()[:_OF_UID]


def secret_name(run: DualRun, token: str) -> str:
    """The name of the Secret of a token, by its `digest`: when the operator has another key there is another Secret."""
    return f"{name(run)}-{token}"


def secret(run: DualRun, token: str) -> Manifest:
    """The token that those who call the coordinator show it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(run, secret_name(run, digest(token))),
        "type": "Opaque",
        "immutable": True,
        "data": {TOKEN: base64.b64encode(token.encode()).decode()},
    }


def _engine_name(run: DualRun, slot: str) -> str:
    return f"{name(run)}-{slot}"
