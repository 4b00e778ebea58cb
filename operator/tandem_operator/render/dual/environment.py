"""What a part of a DualRun is told: by the planner, by the site, then by the run.

No secret stands here; files hold them, or Secrets that are named.
"""

from collections.abc import Mapping

from tandem_operator.api.dual_run import DualRun
from tandem_operator.plan.dual import environment
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.render import s3
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.manifest import Manifest
from tandem_operator.render.worker_pod.environment import of_run

from . import objects, volumes

TLS_CERT = "TANDEM_COORDINATOR_TLS_CERT"
"""The variable that a coordinator is told its certificate by."""

_S3 = "s3://"


def variables(part: Part, run: DualRun, site: PodSite) -> list[Manifest]:
    """The variables of a part; of two with one name the later holds, as in a worker of a TrainingRun."""
    return list(({each["name"]: each for each in _ours(part, run, site)} | dict(of_run(run.spec.pod))).values())


def own_memory(run: DualRun, site: PodSite) -> bool:
    """Whether the memory of a run is that of the site; another one is shown no token of ours."""
    return run.spec.memory is not None and site.memory is not None and _host(run.spec.memory.address or site.memory) == _host(site.memory)


def snapshots(run: DualRun, site: PodSite) -> str | None:
    """Where snapshots of the books, and the report, are kept besides: where the run says, or in a folder of its own at the site's place."""
    if run.spec.checkpoint.uri or site.checkpoint_uri is None:
        return run.spec.checkpoint.uri
    return f"{site.checkpoint_uri.rstrip('/')}/{run.metadata.namespace}/{run.name}/{run.metadata.uid}"


def _ours(part: Part, run: DualRun, site: PodSite) -> list[Manifest]:
    if part.slot.role is Role.WORKER:
        return [*_plain({**environment.worker(run, part.slot.index), **_of_worker(run)})]
    return [*_plain({**environment.coordinator(run), **_of_coordinator(run, site)}), *_store(run, site)]


def _of_worker(run: DualRun) -> Mapping[str, str]:
    return {"TANDEM_COORDINATOR": objects.address(run), "TANDEM_TOKEN_FILE": volumes.TOKEN_FILE, "TANDEM_TLS_CA": volumes.CA_FILE}


def _of_coordinator(run: DualRun, site: PodSite) -> Mapping[str, str]:
    told = {
        "JOB": volumes.JOB_FILE,
        "LEDGER": f"{volumes.LEDGER}/ledger.sqlite",
        "REPORT": f"{volumes.LEDGER}/report",
        "LISTEN": f"0.0.0.0:{objects.GRPC}",
        "METRICS_LISTEN": f"0.0.0.0:{objects.METRICS}",
        "TOKEN_FILE": volumes.TOKEN_FILE,
        "TLS_KEY": volumes.KEY_FILE,
    }
    if place := snapshots(run, site):
        told["SNAPSHOTS"] = place
    if own_memory(run, site) and site.memory:
        told |= {"MEMORY": site.memory, "MEMORY_TOKEN_FILE": volumes.MEMORY_TOKEN_FILE}
        told |= {"MEMORY_TLS_CA": volumes.MEMORY_CA_FILE} if site.memory_ca else {"MEMORY_PLAINTEXT": "true"}
    elif run.spec.memory:
        told |= {"MEMORY_PLAINTEXT": "true"}  # nothing is shown to it that somebody could read along
    return {TLS_CERT: volumes.CERTIFICATE_FILE, **{f"TANDEM_COORDINATOR_{name}": value for name, value in told.items()}}


def _store(run: DualRun, site: PodSite) -> list[Manifest]:
    """The way to the site's S3, where questions or snapshots are kept there."""
    if not any((place or "").startswith(_S3) for place in (run.spec.questions.source, snapshots(run, site))):
        return []
    endpoint = _plain({s3.ENDPOINT: site.s3_endpoint} if site.s3_endpoint else {})
    keys = [{"name": key, "valueFrom": {"secretKeyRef": {"name": site.s3_secret, "key": key, "optional": False}}} for key in s3.KEYS]
    return [*endpoint, *(keys if site.s3_secret else [])]


def _plain(told: Mapping[str, str]) -> list[Manifest]:
    """Values that arrive as they are written: the kubelet would put another variable in for $(NAME), and takes $$ for $."""
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in told.items()]


def _host(address: str) -> str:
    """Of host:port, without what DNS adds by itself: name.namespace and name.namespace.svc are one."""
    host, _, port = address.rpartition(":")
    return f"{'.'.join(host.split('.')[:2])}:{port}"
