"""What a part of a DualRun looks like as a pod; `worker_pod` has what it shares with workers of a TrainingRun."""

from collections.abc import Mapping
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec
from tandem_operator.api.pod import PodSpec
from tandem_operator.plan.dual.job import Reached, job
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import DUAL_RUN, INDEX, ROLE, RUN_UID, START, Manifest, metadata
from tandem_operator.render.worker_pod import security
from tandem_operator.render.worker_pod.environment import whole_secrets
from tandem_operator.render.worker_pod.placement import machines, silent

from . import environment, objects, volumes

_COMMANDS: Final = {
    Role.COORDINATOR: ("python3", "-m", "tandem_reasoning.coordinator"),
    Role.WORKER: ("python3", "-m", "tandem_reasoning.worker"),
}
_GRACE_S: Final = {Role.COORDINATOR: 120, Role.WORKER: 30}
"""A worker gives itself 25 for the calls under way; a coordinator stops serving, puts the last snapshot, and writes the report, which takes
a minute for 50,000 questions."""

_RESOURCES: Final[Mapping[Role, Manifest]] = {
    # 50,000 questions take a coordinator less than 300 MB, and a worker waits for others most of the time.
    Role.COORDINATOR: {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
    Role.WORKER: {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
}
# What a worker says last is in its log; of a coordinator, which knows no API key, the end of the log is the sentence why it ended.
_LAST_WORDS: Final = {Role.COORDINATOR: "FallbackToLogsOnError", Role.WORKER: "File"}


def pod(part: Part, run: DualRun, site: PodSite, token: str) -> Manifest:
    """The pod that `part` of `run` is at `site`; `token` is the digest of the run's token."""
    role, told = part.slot.role, _annotations(part, run, site)
    ours = {**run.spec.pod.labels, RUN_UID: run.metadata.uid, ROLE: role.value, INDEX: str(part.slot.index), START: str(part.start)}
    mounted = volumes.of_part(part, run, site, token=token, annotations=told, own_memory=environment.own_memory(run, site))
    container: Manifest = {
        "name": role.value,
        **_image(run, site),
        "command": list(_COMMANDS[role]),
        "env": environment.variables(part, run, site),
        **whole_secrets(run.spec.pod),
        "resources": _resources(role, run.spec.pod),
        "securityContext": security.of_container(),
        "terminationMessagePolicy": _LAST_WORDS[role],
        "volumeMounts": [{"name": name, **mount} for name, (_, mount) in mounted.items()],
        **(_listening() if role is Role.COORDINATOR else {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(run, part.name, ours, {**run.spec.pod.annotations, **told}),
        "spec": {
            **_identity(run.spec.pod),
            **_life(role, run.spec.pod, site),
            **_placement(part, run, site),
            "securityContext": security.of_pod(),
            "containers": [container],
            "volumes": [{"name": name, **volume} for name, (volume, _) in mounted.items()],
        },
    }


def _annotations(part: Part, run: DualRun, site: PodSite) -> Mapping[str, str]:
    """What the coordinator reads as files; a worker asks it for the rest."""
    if part.slot.role is not Role.COORDINATOR:
        return {}
    ca = {volumes.MEMORY_CA: site.memory_ca} if site.memory_ca and environment.own_memory(run, site) else {}
    return {volumes.JOB: job(run, {lane.name: _reached(lane) for lane in run.spec.lanes}), **ca}


def _reached(lane: LaneSpec) -> Reached:
    urls = lane.urls or ((lane.url,) if lane.url else ())
    return Reached(urls=urls, key_file=volumes.key_file(lane))


def _identity(wanted: PodSpec) -> Manifest:
    """Its rights at the API server: none, unless the run names whose."""
    return {
        **({"serviceAccountName": wanted.service_account} if wanted.service_account else {}),
        "automountServiceAccountToken": wanted.service_account is not None,
        "enableServiceLinks": False,  # a namespace full of Services would fill the environment
    }


def _life(role: Role, wanted: PodSpec, site: PodSite) -> Manifest:
    """It is never restarted in place: each start has a number, and so a pod of its own."""
    pulled_with = dict.fromkeys((*site.image_pull_secrets, *wanted.image_pull_secrets))
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_S[role],
        **({"priorityClassName": wanted.priority_class} if wanted.priority_class else {}),
        **({"runtimeClassName": wanted.runtime_class} if wanted.runtime_class else {}),
        **({"imagePullSecrets": [{"name": name} for name in pulled_with]} if pulled_with else {}),
    }


def _resources(role: Role, wanted: PodSpec) -> Manifest:
    """What the part takes by itself, unless the run says how much of a machine each gets."""
    cpu = {"cpu": wanted.cpu} if wanted.cpu else {}
    memory = {"memory": wanted.memory} if wanted.memory else {}
    return {"requests": {**_RESOURCES[role]["requests"], **cpu, **memory}, "limits": {**_RESOURCES[role]["limits"], **memory}}


def _placement(part: Part, run: DualRun, site: PodSite) -> Manifest:
    """Workers share out the nodes evenly where there is room, so that one lost node takes few of them along."""
    wanted = run.spec.placement
    where = machines(wanted, wanted.spot, site) if wanted else {"tolerations": silent(site)}
    if part.slot.role is not Role.WORKER:
        return where
    others = {"labelSelector": {"matchLabels": {DUAL_RUN: run.name, ROLE: Role.WORKER.value}}}
    spread = {**others, "topologyKey": "kubernetes.io/hostname", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    return {**where, "topologySpreadConstraints": [spread]}


def _listening() -> Manifest:
    """Ready once it listens, so that workers are started, and led to it, when it can answer."""
    ready = {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 1, "timeoutSeconds": 5}
    ports = [
        {"name": "grpc", "containerPort": objects.GRPC, "protocol": "TCP"},
        {"name": "metrics", "containerPort": objects.METRICS, "protocol": "TCP"},
    ]
    return {"ports": ports, "readinessProbe": ready}


def _image(run: DualRun, site: PodSite) -> Manifest:
    assert site.reasoning_image, "a run is not accepted without"
    policy = run.spec.pod.image_pull_policy or site.reasoning_pull_policy
    return {"image": site.reasoning_image, **({"imagePullPolicy": policy} if policy else {})}
