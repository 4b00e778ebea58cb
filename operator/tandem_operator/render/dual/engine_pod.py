"""What a server of a model looks like as a pod, when a DualRun brings its own: any image that has the server, behind a name that stays.

Ready is who says that it is well. A busy server answers late, so only one that is silent for minutes is led to no more; whether it is any
good, its lane finds out by itself.
"""

from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import EngineServer, EngineSpec
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.engine_arguments import arguments
from tandem_operator.render.manifest import INDEX, ROLE, RUN_UID, START, Manifest, added, metadata
from tandem_operator.render.worker_pod import security
from tandem_operator.render.worker_pod.environment import of_run, whole_secrets
from tandem_operator.render.worker_pod.life import life
from tandem_operator.render.worker_pod.resources import CARDS, processors

from . import engine_model, objects, terms, volumes

_GRACE_S: Final = 30
"""Whoever asks it has left already: it has nobody's answer to finish."""

_COMMANDS: Final = {
    # Images of llama.cpp have their server as the entry point, in no folder that is searched.
    EngineServer.TRANSFORMERS: {"command": ["python3", "-m", "transformers.cli.transformers"]},
    EngineServer.LLAMA_CPP: {},
    EngineServer.VLLM: {"command": ["vllm"]},
}
_CPU, _MEMORY = "500m", "1Gi"  # of one that says nothing: Python, torch and a small model take half a GiB


def engine_pod(part: Part, run: DualRun, site: PodSite) -> Manifest:
    """The pod that an engine of `run` is at `site`."""
    engine = part.slot.engine
    assert engine, part.name
    wanted = run.spec.pod
    mounted = volumes.with_theirs(engine_model.volumes(), run)
    container: Manifest = {
        "name": Role.ENGINE.value,
        **_program(engine, run, site),
        "env": _environment(engine, run),
        **whole_secrets(wanted),
        "resources": _resources(engine),
        "securityContext": security.of_container(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": name, **mount} for name, (_, mount) in mounted.items()],
        **_listening(),
    }
    ours = {**added(wanted.labels), RUN_UID: run.metadata.uid, ROLE: Role.ENGINE.value, INDEX: str(part.slot.index), START: str(part.start)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(run, part.name, ours, terms.annotations(run)),
        "spec": {
            **security.identity(wanted),
            **life(wanted, site, grace_s=_GRACE_S),
            **terms.placement(run, site, tainted=(CARDS[engine.accelerator],) if engine.gpus else ()),
            **terms.spread(run, Role.ENGINE),
            "securityContext": security.of_pod(),
            **engine_model.bringing(engine, run, site, mounted),
            "containers": [container],
            "volumes": [{"name": name, **volume} for name, (volume, _) in mounted.items()],
        },
    }


def _program(engine: EngineSpec, run: DualRun, site: PodSite) -> Manifest:
    """Its image, and what is run of it where relative paths begin."""
    policy = run.spec.pod.image_pull_policy or (None if engine.image else site.image_pull_policy)
    return {
        "image": engine.image or site.trainer_image,
        **({"imagePullPolicy": policy} if policy else {}),
        **_COMMANDS[engine.server],
        "args": [engine_model.literal(word) for word in arguments(engine, host="0.0.0.0", port=objects.HTTP)],  # noqa: S104  # of its pod
        "workingDir": engine_model.FOLDER,
    }


def _environment(engine: EngineSpec, run: DualRun) -> list[Manifest]:
    """What it is told, the run's own variables last: so a token for gated models is one of them, out of a Secret."""
    told = {**engine_model.variables(engine), "OMP_NUM_THREADS": str(processors(engine.cpu) if engine.cpu else 1)}
    plain = {name: {"name": name, "value": value} for name, value in told.items()}
    return list((plain | dict(of_run(run.spec.pod))).values())


def _resources(engine: EngineSpec) -> Manifest:
    """Cards are had or not had, and memory that is written; processors are asked for and not limited."""
    cards = {CARDS[engine.accelerator]: str(engine.gpus)} if engine.gpus else {}
    limits = {**({"memory": engine.memory} if engine.memory else {}), **cards}
    return {"requests": {"cpu": engine.cpu or _CPU, "memory": engine.memory or _MEMORY, **cards}, **({"limits": limits} if limits else {})}


def _listening() -> Manifest:
    ready = {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 30}
    return {"ports": [{"name": "http", "containerPort": objects.HTTP, "protocol": "TCP"}], "readinessProbe": ready}
