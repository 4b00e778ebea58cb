"""What a coordinator or worker of a DualRun looks like as a pod; `worker_pod` has what it shares with workers of a TrainingRun."""

from collections.abc import Mapping
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec
from tandem_operator.api.pod import PodSpec
from tandem_operator.plan.dual.job import Reached, job
from tandem_operator.plan.dual.slots import engines_of
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import INDEX, ROLE, RUN_UID, START, Manifest, added, metadata
from tandem_operator.render.worker_pod import security
from tandem_operator.render.worker_pod.environment import whole_secrets
from tandem_operator.render.worker_pod.life import life

from . import environment, objects, terms, volumes

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


def pod(part: Part, run: DualRun, site: PodSite, digest: str) -> Manifest:
    """The pod that `part` of `run` is at `site`; `digest` is that of the run's credentials."""
    role, told = part.slot.role, _annotations(part, run, site)
    ours = {**added(run.spec.pod.labels), RUN_UID: run.metadata.uid, ROLE: role.value, INDEX: str(part.slot.index), START: str(part.start)}
    mounted = volumes.of_part(part, run, site, digest=digest, annotations=told, own_memory=environment.own_memory(run, site))
    container: Manifest = {
        "name": role.value,
        **terms.image(run, site),
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
        "metadata": metadata(run, part.name, ours, {**terms.annotations(run), **told}),
        "spec": {
            **security.identity(run.spec.pod),
            **life(run.spec.pod, site, grace_s=_GRACE_S[role]),
            **terms.placement(run, site),
            **(terms.spread(run, role) if role is Role.WORKER else {}),
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
    return {volumes.JOB: job(run, {lane.name: _reached(lane, run) for lane in run.spec.lanes}), **ca}


def _reached(lane: LaneSpec, run: DualRun) -> Reached:
    ours = tuple(objects.engine_url(run, slot) for slot in engines_of(run, lane.name))
    return Reached(urls=ours or lane.urls or (lane.url or "",), key_file=volumes.key_file(lane))


def _resources(role: Role, wanted: PodSpec) -> Manifest:
    """What the part takes by itself, unless the run says how much of a machine each gets."""
    cpu = {"cpu": wanted.cpu} if wanted.cpu else {}
    memory = {"memory": wanted.memory} if wanted.memory else {}
    return {"requests": {**_RESOURCES[role]["requests"], **cpu, **memory}, "limits": {**_RESOURCES[role]["limits"], **memory}}


def _listening() -> Manifest:
    """Ready once it listens, so that workers are started, and led to it, when it can answer."""
    ready = {"httpGet": {"path": "/healthz", "port": "metrics"}, "periodSeconds": 1, "timeoutSeconds": 5}
    ports = [
        {"name": "grpc", "containerPort": objects.GRPC, "protocol": "TCP"},
        {"name": "metrics", "containerPort": objects.METRICS, "protocol": "TCP"},
    ]
    return {"ports": ports, "readinessProbe": ready}
