"""The chart as Helm renders it: documents out, or the sentence with which Helm refuses."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where there is a compiler's work to use
Document = dict[str, Any]

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/tandem"
VALUE_FILES = sorted((ROOT / "manifests").glob("*/values.yaml"))
RELEASE = NAMESPACE = "tandem"
_KUBERNETES = "1.34.2"  # without a cluster Helm has to be told

MODES = {
    "default": (),
    "one namespace": ("watchNamespace=teams",),
    "one namespace, no nodes": ("watchNamespace=teams", "rbac.readNodes=false"),
    "no nodes": ("rbac.readNodes=false",),
    "two operators": ("operator.replicas=2",),
    "minio": ("minio.enabled=true",),
    "minio with a key of yours": ("minio.enabled=true", "minio.existingSecret=mine"),
    "minio, one namespace": ("minio.enabled=true", "watchNamespace=teams"),
    "certificate of yours": ("telemetry.tls.existingSecret=mine",),
    "certificate of cert-manager": ("telemetry.tls.certManager.enabled=true", "telemetry.tls.certManager.issuer=ours"),
    "monitoring": (
        "memory.enabled=true",
        "monitoring.monitors.enabled=true",
        "monitoring.dashboards.enabled=true",
        "monitoring.alerts.enabled=true",
    ),
    "memory": ("memory.enabled=true",),
    "memory, one namespace": ("memory.enabled=true", "watchNamespace=teams"),
    "memory with a certificate of yours": ("memory.enabled=true", "memory.tls.existingSecret=mine"),
    "network policies": ("networkPolicy.enabled=true", "minio.enabled=true", "memory.enabled=true"),
    "no rights": ("rbac.create=false",),
    "own names": ("fullnameOverride=lab",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The chart, and the Helm to render it with."""

    helm: Path
    _rendered: dict[tuple[str, ...], str] = field(default_factory=dict)

    def template(
        self, *settings: str, files: tuple[Path, ...] = (), release: str = RELEASE, namespace: str = NAMESPACE, fresh: bool = False
    ) -> list[Document]:
        """All documents, in the order in which Helm would apply them; `fresh` ones are not those of a call before.

        Raises:
            AssertionError: When Helm refuses.
        """
        command = ("template", release, str(CHART), f"--namespace={namespace}", *_told(settings, files))
        if fresh or command not in self._rendered:
            done = self._tried(*command)
            assert done.returncode == 0, done.stderr
            self._rendered[command] = done.stdout
        return [document for document in yaml.load_all(self._rendered[command], _YAML) if document]

    def refusal(self, *settings: str, files: tuple[Path, ...] = (), knows: tuple[str, ...] = ()) -> str:
        """Why Helm does not render these settings, for a cluster that `knows` these APIs besides Kubernetes' own; empty when it does."""
        done = self._tried("template", RELEASE, str(CHART), *_told(settings, files), *(f"--api-versions={each}" for each in knows))
        return done.stderr if done.returncode else ""

    def lint(self, *settings: str, files: tuple[Path, ...] = ()) -> str:
        """What Helm finds wrong; empty when nothing."""
        done = self._tried("lint", "--strict", str(CHART), *_told(settings, files))
        return done.stdout + done.stderr if done.returncode else ""

    def _tried(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [str(self.helm), *arguments, f"--kube-version={_KUBERNETES}"]
        return subprocess.run(command, capture_output=True, text=True, check=False)


def _told(settings: tuple[str, ...], files: tuple[Path, ...]) -> Iterator[str]:
    yield from (f"--values={file}" for file in files)
    yield from (f"--set-json={each}" if each.partition("=")[2][:1] in "[{" else f"--set={each}" for each in settings)


def of_kind(documents: list[Document], *kinds: str) -> list[Document]:
    """The documents of these kinds."""
    return [document for document in documents if document["kind"] in kinds]


def named(documents: list[Document], kind: str, name: str) -> Document:
    """The one document of that kind and name."""
    (found,) = [document for document in of_kind(documents, kind) if document["metadata"]["name"] == name]
    return found


def pods(documents: list[Document]) -> dict[str, Document]:
    """The pod specs, by the name of what makes them."""
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in of_kind(documents, "Deployment", "StatefulSet")}


def containers(pod: Document) -> list[Document]:
    """All containers of a pod spec."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def environment(container: Document) -> dict[str, str]:
    """The plain variables of a container."""
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}
