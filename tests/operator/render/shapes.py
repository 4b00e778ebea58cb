"""Runs, workers and sites for the tests of rendering, and what their pods say."""

from dataclasses import replace
from typing import Any

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import wanted
from tandem_operator.plan.values import Worker
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.pod import pod

SITE = PodSite(
    trainer_image="tandem-trainer:1",
    grace_seconds=100,
    unreachable_seconds=15,
    image_pull_policy="IfNotPresent",
    telemetry="tandem-telemetry.tandem.svc:7070",
    telemetry_ca="-----BEGIN CERTIFICATE-----\n",
    checkpoint_uri="s3://tandem/checkpoints",
    s3_endpoint="http://minio.tandem.svc:9000",
    s3_secret="tandem-s3",  # noqa: S106  # the name of one
)
SPEC: dict[str, Any] = {"trainer": {"script": {"path": "/code/train.py"}}, "phases": [{"name": "all", "steps": 100}]}


def run_of(name: str = "r", attempt: int = 1, **spec: Any) -> TrainingRun:
    """A run as the operator reads it, in an attempt of as many workers as it asks for."""
    metadata = {"name": name, "namespace": "team", "uid": "0f8fad5b-d9cb-469f-a165-70867728950e"}
    status = {"attempt": attempt, "workers": spec.get("workers", 1)}
    return TrainingRun.model_validate({"metadata": metadata, "spec": {**SPEC, **spec}, "status": status})


def pod_of(run: TrainingRun, site: PodSite = SITE, rank: int = 0, **of_worker: Any) -> Manifest:
    """The pod of one worker of the run's attempt."""
    return pod(replace(wanted.workers(run)[rank], **of_worker), run, site)


def spare_of(run: TrainingRun) -> Worker:
    """A worker that waits for room, as a planner asks for one."""
    return Worker(run=run.name, attempt=run.status.attempt, rank=run.status.workers, spare=True)


def container(made: Manifest) -> Manifest:
    """The only container of a pod."""
    (only,) = made["spec"]["containers"]
    return only


def variables(made: Manifest) -> dict[str, Any]:
    """What the worker of a pod finds in its environment: values as the kubelet hands them in, or where a value comes from."""
    told = container(made).get("env", [])
    return {entry["name"]: _handed_in(entry["value"]) if "value" in entry else entry["valueFrom"] for entry in told}


def _handed_in(value: str) -> str:
    """After `expansion.Expand` of Kubernetes: $$ is a dollar, and $(NAME) would be another variable."""
    assert "$(" not in value.replace("$$", ""), f"{value} would be expanded"
    return value.replace("$$", "$")
