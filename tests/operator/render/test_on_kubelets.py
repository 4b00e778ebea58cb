"""Pods of ours on real kubelets: what the API server admits must also start, write, find each other and leave."""

import json
import os
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import wanted
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.manifests import manifests
from tandem_operator.render.pod import pod

from tests.parts.base_images import BASE, BASE_IMAGE
from tests.parts.fixtures import program

from .shapes import SITE, container, run_of, spare_of

pytestmark = pytest.mark.slow
HERE = replace(SITE, trainer_image=BASE_IMAGE, image_pull_policy="Never")
LEAVE = """
import os, pathlib, time
if not os.fork():
    os.closerange(0, 3)
    time.sleep(1)  # until whoever began this has ended: with the container he would end as if he had failed
    for each in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        if b"signal.pause()" in each.read_bytes() and each.parent.name != str(os.getpid()):
            os.kill(int(each.parent.name), 15)
"""
PROBE = Path(__file__).with_name("probe_agent.py")


@pytest.fixture
def namespace(cluster: Any, request: pytest.FixtureRequest) -> Generator[str]:
    """A namespace that admits restricted pods only, with the probe in the agent's place, on a cluster that has its image."""
    cluster.load_image(program(BASE, request.config))
    name = cluster.new_namespace("kubelets")
    cluster.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    files = [f"--from-file=agent.py={PROBE}", f"--from-file=__init__.py={os.devnull}"]
    cluster.kubectl("create", "configmap", "probe", "-n", name, *files)
    keys = ["--from-literal=AWS_ACCESS_KEY_ID=key", "--from-literal=AWS_SECRET_ACCESS_KEY=hidden"]
    cluster.kubectl("create", "secret", "generic", "tandem-s3", "-n", name, *keys)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def _run(namespace: str, workers: int) -> TrainingRun:
    """A run whose pods find the probe; no server knows it, so it owns nothing."""
    pods = {"volumes": [{"mountPath": "/probe/tandem_trainer", "configMap": "probe"}]}
    run = run_of(workers=workers, pod=pods, trainer={"script": {"path": "t", "args": ["$(HOME)", "$$"]}})
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"namespace": namespace, "uid": ""})})


def _probing(made: Manifest) -> Manifest:
    """A pod whose Python finds the probe first, which no run may ask for; other manifests as they are."""
    if made["kind"] == "Pod":
        container(made)["env"].append({"name": "PYTHONPATH", "value": "/probe"})
    return made


def _state(cluster: Any, namespace: str, name: str) -> dict[str, Any]:
    """How the container of a pod ended; empty while it has not."""
    containers = cluster.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"].get("containerStatuses", [{}])
    return containers[0].get("state", {}).get("terminated", {})


def _ended(cluster: Any, namespace: str, name: str) -> Callable[[], object]:
    return lambda: _state(cluster, namespace, name)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_finds_all_that_it_needs_and_the_others(cluster: Any, namespace: str, workers: int) -> None:
    """No root, an image that stays as it is, room to write, a token, keys, arguments as written, and worker 0 by its name."""
    run = _run(namespace, workers)
    made = manifests(run, wanted.workers(run), HERE)
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin="\n---\n".join(json.dumps(_probing(each)) for each in made))
    for worker in wanted.workers(run):
        cluster.wait_until(f"{worker.name} to end", _ended(cluster, namespace, worker.name), 300)
        end = _state(cluster, namespace, worker.name)
        assert end["exitCode"] == 0, end
        assert json.loads(end["message"]) == {
            "user": [65532, 65532],
            "writable": ["/tandem/scratch", "/tandem/cache", "/tmp", "/dev/shm"],  # noqa: S108
            "token": 2,
            "rights": False,
            "args": ["$(HOME)", "$$"],
            "key": "key",
            "knows itself": True,
            "met": True,
        }


def test_a_spare_leaves_with_143(cluster: Any, namespace: str) -> None:
    """As a worker that saves and leaves does."""
    run = _run(namespace, 1)
    made = pod(spare_of(run), run, HERE)
    name = made["metadata"]["name"]
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(made))
    cluster.kubectl("wait", "-n", namespace, f"pod/{name}", "--for=condition=Ready", "--timeout=300s")
    # Its own user may signal it from within; a deletion would take the exit code along.
    cluster.kubectl("exec", "-n", namespace, name, "--", "python3", "-c", LEAVE)
    cluster.wait_until("the spare to end", _ended(cluster, namespace, name))
    assert _state(cluster, namespace, name)["exitCode"] == 143


def test_who_is_asked_to_leave_before_it_can_hear_leaves(cluster: Any, namespace: str) -> None:
    """A program without a handler, as Python is while it is being loaded: it is not left alone until its grace period is over."""
    run = _run(namespace, 1)
    made = pod(wanted.workers(run)[0], run, HERE)
    container(made)["command"] = ["python3", "-c", "import time; time.sleep(3600)"]
    name = made["metadata"]["name"]
    made["spec"]["terminationGracePeriodSeconds"] = 3600
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(made))
    cluster.kubectl("wait", "-n", namespace, f"pod/{name}", "--for=condition=Ready", "--timeout=300s")
    cluster.kubectl("delete", "-n", namespace, f"pod/{name}", "--timeout=300s")
