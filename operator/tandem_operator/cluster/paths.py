"""Where things are in the API."""

from typing import Final

from .kube.informer import Key

RUNS: Final = "trainingruns"
_GROUP: Final = "/apis/tandem.dev/v1alpha1"


def everywhere(prefix: str, kind: str, namespace: str) -> str:
    """A collection, in one namespace or in all of them."""
    return f"{prefix}/namespaces/{namespace}/{kind}" if namespace else f"{prefix}/{kind}"


def runs(namespace: str = "") -> str:
    """The TrainingRuns."""
    return everywhere(_GROUP, RUNS, namespace)


def run(key: Key) -> str:
    """A TrainingRun."""
    return f"{runs(key[0])}/{key[1]}"


def pods(namespace: str = "") -> str:
    """The pods."""
    return everywhere("/api/v1", "pods", namespace)


def services(namespace: str) -> str:
    """The Services of a namespace."""
    return everywhere("/api/v1", "services", namespace)


def budgets(namespace: str = "") -> str:
    """The PodDisruptionBudgets."""
    return everywhere("/apis/policy/v1", "poddisruptionbudgets", namespace)


def events(namespace: str) -> str:
    """The events of a namespace."""
    return everywhere("/apis/events.k8s.io/v1", "events", namespace)


NODES: Final = "/api/v1/nodes"
