"""What a worker looks like as a pod. Read `pod` as its table of contents; each part has a file of its own in `worker_pod/`.

A spare is a pod of the same shape that only waits: once it has a machine, there is room for one more worker.
"""

from collections.abc import Mapping

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.policies import rendezvous
from tandem_operator.plan.values import Worker

from .cluster_site import PodSite
from .manifest import ATTEMPT, RANK, RUN_UID, SPARE, Manifest, added, metadata
from .worker_pod import queue, resources, security, volumes
from .worker_pod.annotations import annotations
from .worker_pod.environment import environment, told_of_ours, whole_secrets
from .worker_pod.life import grace_s, life
from .worker_pod.placement import placement

__all__ = ["CONTAINER", "Manifest", "PodSite", "pod"]

CONTAINER = "worker"
"""Name of the container that is the worker."""

_AGENT = ("python3", "-m", "tandem_trainer.agent")  # said here too, so that images of others need no entry point
# 143 is what a worker says that was asked to leave.
_WAIT = ("python3", "-c", "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); signal.pause()")
_SPARE_GRACE_S = 1


def pod(worker: Worker, run: TrainingRun, site: PodSite) -> Manifest:
    """The pod that `worker` of `run` is at `site`."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(run, worker.name, _labels(worker, run), _annotations(worker, run)),
        "spec": {
            **_name(worker, run),
            **security.identity(run.spec.pod),
            **_life(worker, run, site),
            **placement(worker, run, site),
            "securityContext": security.of_pod(),
            **_contents(worker, run, site),
        },
    }


def _labels(worker: Worker, run: TrainingRun) -> Mapping[str, str]:
    ours = {RUN_UID: run.metadata.uid, ATTEMPT: str(worker.attempt), RANK: str(worker.rank)}
    return {**added(run.spec.pod.labels), **queue.labels(worker, run), **ours, **({SPARE: "true"} if worker.spare else {})}


def _annotations(worker: Worker, run: TrainingRun) -> Mapping[str, str]:
    """Those of the run and of its queue."""
    return {**annotations(run.spec.pod, worker.spot), **queue.annotations(worker, run)}


def _name(worker: Worker, run: TrainingRun) -> Manifest:
    """Its name among the workers, by which they find each other."""
    return {"hostname": worker.name, **({"subdomain": rendezvous.domain(run)} if rendezvous.needed(run) else {})}


def _life(worker: Worker, run: TrainingRun, site: PodSite) -> Manifest:
    return life(run.spec.pod, site, grace_s=_SPARE_GRACE_S if worker.spare else grace_s(run.spec.pod, site))


def _contents(worker: Worker, run: TrainingRun, site: PodSite) -> Manifest:
    """The container, and the volumes that it mounts."""
    if worker.spare:
        mounted, does = volumes.of_spare(run), {"command": list(_WAIT)}
    else:
        mounted = volumes.of_worker(run, site, token=told_of_ours(worker, site), leads=worker.rank == 0)
        does = {"command": list(_AGENT), "env": environment(worker, run, site), **whole_secrets(run.spec.pod)}
    container: Manifest = {
        "name": CONTAINER,
        **_image(run, site),
        **does,
        "resources": resources.resources(run.spec),
        "securityContext": security.of_container(),
        "terminationMessagePolicy": "File",  # what the agent says there is free of secrets; the end of a log need not be
        "volumeMounts": [{"name": name, **mount} for name, (_, mount) in mounted.items()],
    }
    return {"containers": [container], "volumes": [{"name": name, **volume} for name, (volume, _) in mounted.items()]}


def _image(run: TrainingRun, site: PodSite) -> Manifest:
    """The run's image or the site's, each by its own rule of when to pull it."""
    policy = run.spec.pod.image_pull_policy or (None if run.spec.image else site.image_pull_policy)
    return {"image": run.spec.image or site.trainer_image, **({"imagePullPolicy": policy} if policy else {})}
