"""Where things are in the API."""

from dataclasses import dataclass
from typing import Final

from .kube.informer import Key

_GROUP: Final = "/apis/tandem.dev/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of run: what one is called, and all of them."""

    name: str
    plural: str


TRAINING_RUN: Final = Kind(name="TrainingRun", plural="trainingruns")
DUAL_RUN: Final = Kind(name="DualRun", plural="dualruns")


def everywhere(prefix: str, kind: str, namespace: str) -> str:
    """A collection, in one namespace or in all of them."""
    return f"{prefix}/namespaces/{namespace}/{kind}" if namespace else f"{prefix}/{kind}"


def runs(kind: Kind, namespace: str = "") -> str:
    """The runs of a kind."""
    return everywhere(_GROUP, kind.plural, namespace)


def run(kind: Kind, key: Key) -> str:
    """A run."""
    return f"{runs(kind, key[0])}/{key[1]}"


def pods(namespace: str = "") -> str:
    """The pods."""
    return everywhere("/api/v1", "pods", namespace)


def claims(namespace: str) -> str:
    """The PersistentVolumeClaims of a namespace."""
    return everywhere("/api/v1", "persistentvolumeclaims", namespace)


def secrets(namespace: str) -> str:
    """The Secrets of a namespace."""
    return everywhere("/api/v1", "secrets", namespace)


def services(namespace: str) -> str:
    """The Services of a namespace."""
    return everywhere("/api/v1", "services", namespace)


def budgets(namespace: str = "") -> str:
    """The PodDisruptionBudgets."""
    return everywhere("/apis/policy/v1", "poddisruptionbudgets", namespace)


def events(namespace: str = "") -> str:
    """The events."""
    return everywhere("/apis/events.k8s.io/v1", "events", namespace)


NODES: Final = "/api/v1/nodes"
