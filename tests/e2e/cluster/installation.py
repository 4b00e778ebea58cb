"""Tandem as people install it: our images in a cluster's nodes, the chart by `helm install`, and nothing else."""

import json
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.cluster.cluster import Cluster
from tests.parts.our_images import DOCKERFILES, ours
from tests.parts.part import Say

ROOT = Path(__file__).parents[3]
RELEASE = "tandem"
SERVICES_ON = "node1"
"""Operator and telemetry are kept on this node, so that tests know which one they may take away."""

_KEYS = "checkpoints"  # name of the Secret
_PATIENCE_S = 600  # what takes seconds where nothing else runs takes minutes on a machine that is shared


SMALL: Mapping[str, Any] = {
    "apiVersion": "tandem.dev/v1alpha1",
    "kind": "TrainingRun",
    "metadata": {"name": "small"},
    "spec": {
        "workers": 2,
        "trainer": {
            "deepspeed": {
                "zeroStage": 2,
                "microBatchSize": 4,
                "precision": "fp32",
                "model": {"layers": 2, "width": 64, "heads": 2},
            }
        },
        "phases": [{"name": "all", "steps": 1_000_000, "contextLength": 64, "batchSize": 8}],
        "checkpoint": {"everySteps": 50},
        "budget": {"usdPerWorkerHour": 0.40},
        "restart": {"backoff": {"first": "1s"}},
        "pod": {"memory": "2Gi"},
    },
}
"""A run of two ranks that begins soon, steps fast and does not end by itself."""


def load_images(cluster: Cluster, say: Say) -> None:
    """Our images on every node, built now if need be.

    Raises:
        Missing: When they cannot be built here.
    """
    for name in DOCKERFILES:
        cluster.load_image(ours(name, say))


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Tandem in a cluster.

    Attributes:
        cluster: Where.
        helm: The Helm that installed it.
        bucket: Where the checkpoints of all runs go.
    """

    cluster: Cluster
    helm: Path
    bucket: str

    @property
    def services_on(self) -> str:
        """Operator, telemetry and memory are kept on this node, so that tests know which one they may take away."""
        return self.cluster.two_nodes[0]

    def remove(self) -> None:
        """`helm uninstall`, and the namespace; for a cluster that is there tomorrow."""
        self._run("uninstall", RELEASE, "--wait")
        self.cluster.kubectl("delete", "namespace", RELEASE, "--wait=false")

    def install(self, **settings: str) -> None:
        """`helm install`, or `helm upgrade` with other settings; returns when everything is up."""
        chosen = {
            **self.cluster.chart_settings,
            "checkpoints.uri": f"s3://{self.bucket}/runs",
            "checkpoints.endpoint": self.cluster.minio_endpoint,
            "checkpoints.secret": _KEYS,
            **{f"{part}.nodeSelector.kubernetes\\.io/hostname": self.services_on for part in ("operator", "telemetry", "memory")},
            "memory.enabled": "true",
            **settings,
        }
        told = [f"--set={name}={value}" for name, value in chosen.items()]
        self._run("upgrade", "--install", RELEASE, str(ROOT / "charts/tandem"), "--create-namespace", "--wait", "--timeout=5m", *told)

    def tenant(self, prefix: str) -> "Tenant":
        """A namespace of its own, with the Secret that checkpoints are kept with."""
        namespace, owner = self.cluster.new_namespace(prefix), self.cluster.minio
        literals = (f"--from-literal=AWS_ACCESS_KEY_ID={owner.access_key}", f"--from-literal=AWS_SECRET_ACCESS_KEY={owner.secret_key}")
        self.cluster.kubectl("create", "secret", "generic", _KEYS, "-n", namespace, *literals)
        return Tenant(installation=self, namespace=namespace)

    def _run(self, *arguments: str) -> None:
        command = [str(self.helm), *arguments, f"--namespace={RELEASE}", f"--kubeconfig={self.cluster.kubeconfig}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{self._standing()}"

    def _standing(self) -> str:
        return self.cluster.kubectl("get", "pods,events", "-n", RELEASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Somebody who works in one namespace, with kubectl."""

    installation: Installation
    namespace: str

    def apply(self, run: Mapping[str, Any], **spec: Any) -> "Applied":
        """`kubectl apply` a run, with these parts of its spec in place of its own, under a name that is new."""
        name = f"{run['metadata']['name'][:20]}-{secrets.token_hex(2)}"
        changed = {**run, "metadata": {"name": name}, "spec": {**run["spec"], **spec}}
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(changed))
        return Applied(tenant=self, name=name, kind=run["kind"])

    @property
    def pods(self) -> list[dict[str, Any]]:
        """Those of all runs."""
        return self.items("/api/v1", "pods", labelSelector="app.kubernetes.io/managed-by=tandem")

    def items(self, group: str, kind: str, **selector: str) -> list[dict[str, Any]]:
        """What the namespace has of a kind."""
        return self.installation.cluster.get(f"{group}/namespaces/{self.namespace}/{kind}?{urlencode(selector)}")["items"]

    def kubectl(self, *arguments: object, stdin: str | None = None) -> str:
        """What kubectl says, in the namespace."""
        return self.installation.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A run in a cluster, as kubectl shows it."""

    tenant: Tenant
    name: str
    kind: str

    @property
    def status(self) -> dict[str, Any]:
        """Its status; empty before the first look."""
        return self.object.get("status", {})

    @property
    def object(self) -> dict[str, Any]:
        """All of it."""
        path = f"/apis/tandem.dev/v1alpha1/namespaces/{self.tenant.namespace}/{self.kind.lower()}s/{self.name}"
        return self.tenant.installation.cluster.get(path)

    @property
    def pods(self) -> list[dict[str, Any]]:
        """Its pods, of all attempts."""
        return self.tenant.items("/api/v1", "pods", labelSelector=self.label)

    @property
    def label(self) -> str:
        """What its pods are selected by."""
        return f"tandem.dev/{'dual-run' if self.kind == 'DualRun' else 'run'}={self.name}"

    @property
    def events(self) -> list[str]:
        """The reasons of its events, in their order."""
        selector = f"regarding.name={self.name},regarding.kind={self.kind}"
        told = self.tenant.items("/apis/events.k8s.io/v1", "events", fieldSelector=selector)
        return [each["reason"] for each in sorted(told, key=lambda each: each["eventTime"])]

    @property
    def place(self) -> str:
        """Where its checkpoints are in the bucket."""
        return f"runs/{self.tenant.namespace}/{self.name}/{self.object['metadata']['uid']}"

    def condition(self, kind: str) -> dict[str, Any]:
        """A condition; empty before the first look."""
        return next((each for each in self.status.get("conditions", ()) if each["type"] == kind), {})

    def wait(self, what: str, happened: Any, seconds: float = _PATIENCE_S) -> None:
        """Until `happened`, given this run, is true."""
        try:
            self.tenant.installation.cluster.wait_until(f"{self.name}: {what}", lambda: happened(self), seconds)
        except Exception as error:
            error.add_note(self.said())
            raise

    def wait_for_phase(self, phase: str, seconds: float = _PATIENCE_S) -> None:
        """Until it is in a phase of its life."""
        self.wait(f"phase {phase}", lambda run: run.status.get("phase") == phase, seconds)

    def wait_for_step(self, step: int, attempt: int = 1, seconds: float = _PATIENCE_S) -> None:
        """Until an attempt has come to a step."""
        self.wait(f"step {step}", lambda run: _has_come_to(run.status, step, attempt), seconds)

    def wait_for_checkpoint(self, step: int, seconds: float = _PATIENCE_S) -> None:
        """Until its newest checkpoint is of that step or a later one."""
        self.wait(f"a checkpoint of step {step}", lambda run: run.status.get("checkpoint", {}).get("step", 0) >= step, seconds)

    def wait_for_last_report(self, seconds: float = _PATIENCE_S) -> None:
        """Until the status has what its workers said last, that all they did is saved; it may come a second after they are gone."""
        self.wait("its last report", lambda run: _all_is_saved(run.status), seconds)

    def wait_for_event(self, reason: str, seconds: float = _PATIENCE_S) -> None:
        """Until it is told: events are written after the status that they are about."""
        self.wait(f"event {reason}", lambda run: reason in run.events, seconds)

    def edit(self, **spec: Any) -> None:
        """`kubectl patch` parts of the spec."""
        self.tenant.kubectl("patch", self.kind, self.name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def manifests(self) -> list[str]:
        """The names of its checkpoints' manifests."""
        bucket = self.tenant.installation.bucket
        prefix = f"{self.place}/manifests/"
        listed = self.tenant.installation.cluster.minio.client.list_objects(bucket, prefix=prefix, recursive=True)
        return sorted(str(each.object_name).rpartition("/")[2] for each in listed)

    def said(self) -> str:
        """All that helps to understand a failure."""
        parts = (
            self.tenant.kubectl("get", self.kind, self.name, "-o", "yaml"),
            self.tenant.kubectl("get", "pods,events", "-o", "wide"),
            self.tenant.kubectl("logs", "-l", self.label, "--prefix", "--tail=15"),
            self.tenant.installation.cluster.kubectl("logs", "-n", RELEASE, f"deployment/{RELEASE}-operator", "--tail=30"),
        )
        return "\n".join(parts)


def _has_come_to(status: Mapping[str, Any], step: int, attempt: int) -> bool:
    return status.get("attempt", 0) >= attempt and status.get("step", 0) >= step


def _all_is_saved(status: Mapping[str, Any]) -> bool:
    return 0 < status.get("checkpoint", {}).get("step", 0) == status.get("step", 0)
