"""What a part of a DualRun finds in its file system besides its image, which it cannot write.

The job, and the certificate of the memory, are files that stand in annotations of the pod: so they are those of this very start, and
nobody needs a right on ConfigMaps. API keys are files in workers alone, which kubelet exchanges when their Secrets are; a Secret that
is not there yet keeps nobody from starting, since the lane itself says what it lacks.
"""

from collections.abc import Mapping
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.lane import LaneSpec
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.worker_pod.volumes import of_run

from . import credentials, objects

JOB, MEMORY_CA = "tandem.dev/job", "tandem.dev/memory-ca"
"""Annotations that are files."""

TOLD: Final = "/etc/tandem"
JOB_FILE, MEMORY_CA_FILE = f"{TOLD}/job.json", f"{TOLD}/memory-ca.crt"
LEDGER: Final = "/tandem/ledger"
_CREDENTIALS: Final = "/var/run/secrets/tandem"
TOKEN_FILE = f"{_CREDENTIALS}/{credentials.TOKEN}"
CERTIFICATE_FILE, KEY_FILE = f"{_CREDENTIALS}/{credentials.CERTIFICATE}", f"{_CREDENTIALS}/{credentials.KEY}"
CA_FILE: Final = f"{_CREDENTIALS}/ca.crt"
"""The same certificate where workers find it: it is its own authority."""

MEMORY_TOKEN_FILE = "/var/run/secrets/tandem-memory/token"  # noqa: S105  # a place, no secret
_KEYS: Final = "/var/run/secrets/tandem-lanes"
_TOKEN_S: Final = 3600  # the kubelet makes a new one after 80 % of it
_FILES: Final = {JOB: JOB_FILE, MEMORY_CA: MEMORY_CA_FILE}

Mounted = Mapping[str, tuple[Manifest, Manifest]]
"""Volumes: by name, what each is and how it is mounted."""


def of_part(part: Part, run: DualRun, site: PodSite, *, digest: str, annotations: Mapping[str, str], own_memory: bool) -> Mounted:
    """The volumes of a part; `digest` is that of the run's credentials, and `own_memory` says that it speaks to the memory of the site."""
    return with_theirs(_ours(part, run, site, digest=digest, annotations=annotations, own_memory=own_memory), run)


def with_theirs(ours: Mounted, run: DualRun) -> Mounted:
    """Our volumes, and those of the run; one that is mounted on a place of ours takes that place."""
    theirs = of_run(run.spec.pod.volumes)
    taken = {mount["mountPath"].rstrip("/") for _, mount in theirs.values()}
    return {**{name: mounted for name, mounted in ours.items() if mounted[1]["mountPath"] not in taken}, **theirs}


def key_file(lane: LaneSpec) -> str:
    """Where workers find the API key of a lane; empty for one that wants none."""
    return f"{_KEYS}/{lane.name}" if lane.api_key_secret else ""


def _ours(part: Part, run: DualRun, site: PodSite, *, digest: str, annotations: Mapping[str, str], own_memory: bool) -> Mounted:
    ours: dict[str, tuple[Manifest, Manifest]] = {
        "tmp": ({"emptyDir": {}}, {"mountPath": "/tmp"}),  # noqa: S108  # the pod's own
        "credentials": _read(_shown(part.slot.role, credentials.secret_name(run, digest)), TOKEN_FILE),
    }
    if part.slot.role is Role.WORKER:
        return {**ours, **_keys(run)}
    ledger: tuple[Manifest, Manifest] = ({"persistentVolumeClaim": {"claimName": objects.name(run)}}, {"mountPath": LEDGER})
    memory = {"memory-token": _read(_account_token(site.memory_audience), MEMORY_TOKEN_FILE)} if own_memory else {}
    return {**ours, "ledger": ledger, "told": _told(annotations), **memory}


def _shown(role: Role, secret: str) -> Manifest:
    """What a part is shown of the run's Secret."""
    token, certificate = (credentials.TOKEN, TOKEN_FILE), (credentials.CERTIFICATE, CERTIFICATE_FILE)
    shown = {
        Role.COORDINATOR: (token, certificate, (credentials.KEY, KEY_FILE)),
        Role.WORKER: (token, (credentials.CERTIFICATE, CA_FILE)),
    }
    return _secret(secret, {key: _name(file) for key, file in shown[role]}, optional=False)


def _keys(run: DualRun) -> Mounted:
    wanted = [(lane.name, lane.api_key_secret) for lane in run.spec.lanes if lane.api_key_secret]
    if not wanted:
        return {}
    sources = [_secret(secret.name, {secret.key: lane}, optional=True) for lane, secret in wanted]
    return {"keys": ({"projected": {"sources": sources}}, {"mountPath": _KEYS, "readOnly": True})}


def _told(annotations: Mapping[str, str]) -> tuple[Manifest, Manifest]:
    files = [
        {"path": _name(path), "fieldRef": {"fieldPath": f"metadata.annotations['{name}']"}}
        for name, path in _FILES.items()
        if name in annotations
    ]
    return {"downwardAPI": {"items": files}}, {"mountPath": TOLD, "readOnly": True}


def _secret(name: str, files: Mapping[str, str], *, optional: bool) -> Manifest:
    """Of a Secret some keys alone, each as the file that it is given."""
    return {"secret": {"name": name, "items": [{"key": key, "path": path} for key, path in files.items()], "optional": optional}}


def _account_token(audience: str) -> Manifest:
    return {"serviceAccountToken": {"audience": audience, "expirationSeconds": _TOKEN_S, "path": "token"}}


def _read(source: Manifest, file: str) -> tuple[Manifest, Manifest]:
    return {"projected": {"sources": [source]}}, {"mountPath": file.rpartition("/")[0], "readOnly": True}


def _name(file: str) -> str:
    return file.rpartition("/")[2]
