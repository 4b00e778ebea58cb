"""What a worker finds in its file system besides its image, which it cannot write.

A volume of the run that is mounted on a place of ours takes that place: a claim on /tandem/cache keeps prepared data for the next run, and
one on /tandem/experts has room for experts that no disk of a node has.
"""

from collections.abc import Mapping
from typing import Final

from tandem_operator.api.pod import VolumeSpec
from tandem_operator.api.training_run import TrainingRun, TrainingRunSpec
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import SAVE_AFTER, Manifest

SCRATCH = "/tandem/scratch"
CACHE = "/tandem/cache"
EXPERTS = "/tandem/experts"
ASKED_FOLDER = "/tandem/asked"
TOKEN_FOLDER = "/var/run/secrets/tandem"  # noqa: S105  # a place, no secret
TOKEN_FILE = f"{TOKEN_FOLDER}/token"

_TOKEN = "token"  # noqa: S105  # a name, no secret
_TOKEN_S = 3600  # the kubelet makes a new one after 80 % of it
_EMPTY: Final = {"scratch": SCRATCH, "cache": CACHE, "tmp": "/tmp"}  # noqa: S108  # the pod's own


def of_worker(run: TrainingRun, site: PodSite, *, token: bool, leads: bool) -> Mapping[str, tuple[Manifest, Manifest]]:
    """The volumes of a worker: by name, what each is and how it is mounted. One that `leads` is asked for checkpoints in one of them."""
    theirs = of_run(run.spec.pod.volumes)
    taken = {mount["mountPath"].rstrip("/") for _, mount in theirs.values()}
    ours = {**_of_tandem(run), **(_asked() if leads else {}), **(_token(site) if token else {})}
    return {**{name: (volume, mount) for name, (volume, mount) in ours.items() if mount["mountPath"] not in taken}, **theirs}


def disk_of_node(spec: TrainingRunSpec) -> str | None:
    """How much of its node's own disk a worker takes for experts; None where they are in memory, or on a claim of the run's."""
    mounted = {volume.mount_path.rstrip("/") for volume in spec.pod.volumes}
    experts = spec.trainer.experts
    return experts.memory.disk if experts is not None and EXPERTS not in mounted else None


def of_spare(run: TrainingRun) -> Mapping[str, tuple[Manifest, Manifest]]:
    """The volumes of a spare: only claims, because some can be mounted on some machines only, and so decide where it fits."""
    return of_run(tuple(volume for volume in run.spec.pod.volumes if volume.claim))


def of_run(volumes: tuple[VolumeSpec, ...]) -> Mapping[str, tuple[Manifest, Manifest]]:
    """The volumes that a run wants in its pods."""
    return {f"volume-{index}": _volume(volume) for index, volume in enumerate(volumes)}


def _of_tandem(run: TrainingRun) -> Mapping[str, tuple[Manifest, Manifest]]:
    size = run.spec.pod.shared_memory
    # NCCL and data loaders talk through /dev/shm, of which a container has 64 MiB otherwise. Memory volumes count as memory.
    shared: Manifest = {"medium": "Memory", **({"sizeLimit": size} if size else {})}
    empty = {name: _mounted({"emptyDir": {}}, path) for name, path in _EMPTY.items()}
    disk = disk_of_node(run.spec)
    experts = {"experts": _mounted({"emptyDir": {"sizeLimit": disk}}, EXPERTS)} if disk else {}
    return {**empty, "shared-memory": _mounted({"emptyDir": shared}, "/dev/shm"), **experts}  # noqa: S108


def _asked() -> Mapping[str, tuple[Manifest, Manifest]]:
    """What the operator asks of a pod that is up: an annotation, which kubelet writes to a file as soon as it changes."""
    asked = {"path": SAVE_AFTER.rpartition("/")[2], "fieldRef": {"fieldPath": f"metadata.annotations['{SAVE_AFTER}']"}}
    return {"asked": _mounted({"downwardAPI": {"items": [asked]}}, ASKED_FOLDER, read_only=True)}


def _token(site: PodSite) -> Mapping[str, tuple[Manifest, Manifest]]:
    token = {"serviceAccountToken": {"audience": site.audience, "expirationSeconds": _TOKEN_S, "path": TOKEN_FILE.rpartition("/")[2]}}
    return {_TOKEN: _mounted({"projected": {"sources": [token]}}, TOKEN_FOLDER, read_only=True)}


def _volume(volume: VolumeSpec) -> tuple[Manifest, Manifest]:
    if volume.claim:
        return _mounted({"persistentVolumeClaim": {"claimName": volume.claim}}, volume.mount_path, read_only=volume.read_only)
    source: Manifest = {"secret": {"secretName": volume.secret}} if volume.secret else {"configMap": {"name": volume.config_map}}
    return _mounted(source, volume.mount_path, read_only=True)


def _mounted(source: Manifest, path: str, *, read_only: bool = False) -> tuple[Manifest, Manifest]:
    return source, {"mountPath": path, **({"readOnly": True} if read_only else {})}
