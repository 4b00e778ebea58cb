"""What a worker is told: by the planner, by the site and by the run, in this order. Secrets are named here and never held."""

from collections.abc import Iterable, Mapping

from tandem_operator.api.pod import PodSpec, Variable
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.plan.values import Worker
from tandem_operator.render import job_text, s3
from tandem_operator.render.cluster_site import PodSite, checkpoints
from tandem_operator.render.manifest import Manifest

from . import resources
from .life import grace_s
from .volumes import ASKED_FOLDER, CACHE, EXPERTS, SCRATCH, TOKEN_FILE

_PLACES = {
    "TANDEM_SCRATCH": SCRATCH,
    "TANDEM_CACHE": CACHE,
    "TANDEM_TERMINATION_LOG": "/dev/termination-log",
    # The image cannot be written, and its user has no line in /etc/passwd when the image is not ours.
    "HOME": SCRATCH,
    "USER": "nonroot",
    "LOGNAME": "nonroot",
    "XDG_CACHE_HOME": f"{CACHE}/xdg",
    "HF_HOME": f"{CACHE}/huggingface",
    "TORCH_HOME": f"{CACHE}/torch",
    "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/inductor",
    "TRITON_CACHE_DIR": f"{CACHE}/triton",
}
_STORE_PATIENCE_S = 600  # Kubernetes replaces a pod of a silent node after six minutes: 40-50 s until it is missed, 300 s of toleration


def environment(worker: Worker, run: TrainingRun, site: PodSite) -> list[Manifest]:
    """The variables of a worker; of two with one name the later holds, since a name may stand once (server-side apply refuses two)."""
    told = {
        **worker.environment,
        "TANDEM_JOB": job_text.completed(worker.environment["TANDEM_JOB"], checkpoints(run, site)),
        **_PLACES,
        "TANDEM_GRACE_SECONDS": str(grace_s(run.spec.pod, site)),
        **({"TANDEM_ASKED": ASKED_FOLDER} if worker.rank == 0 else {}),
        **_experts(run),
        **_threads(run),
        **_telemetry(worker, site),
    }
    made = {**{name: _plain(name, value) for name, value in told.items()}, **_store(run, site), **of_run(run.spec.pod)}
    return [*made.values(), *_secret_names(made.values(), run)]


def told_of_ours(worker: Worker, site: PodSite) -> bool:
    """Whether the worker reports to the site's telemetry; a service that the run names itself is not given our token."""
    return site.telemetry is not None and "TANDEM_TELEMETRY" not in worker.environment


def of_run(wanted: PodSpec) -> Mapping[str, Manifest]:
    """The variables that a run wants for its pods, by name."""
    return {variable.name: _variable(variable) for variable in wanted.env}


def whole_secrets(wanted: PodSpec) -> Manifest:
    """The Secrets whose keys all become variables."""
    return {"envFrom": [{"secretRef": {"name": name, "optional": False}} for name in wanted.secrets]} if wanted.secrets else {}


def _secret_names(made: Iterable[Manifest], run: TrainingRun) -> list[Manifest]:
    """Which values the agent must strike out of its last words; a star where whole Secrets are taken, whose keys nobody knows here."""
    names = [variable["name"] for variable in made if "valueFrom" in variable]
    told = [*names, *(["*"] if run.spec.pod.secrets else [])]
    return [_plain("TANDEM_SECRET_NAMES", ",".join(told))] if told else []


def _telemetry(worker: Worker, site: PodSite) -> Mapping[str, str]:
    if site.telemetry is None or not told_of_ours(worker, site):
        return {}
    ca = {"TANDEM_TELEMETRY_CA": site.telemetry_ca} if site.telemetry_ca else {}
    return {"TANDEM_TELEMETRY": site.telemetry, "TANDEM_TOKEN_FILE": TOKEN_FILE, **ca}


def _experts(run: TrainingRun) -> Mapping[str, str]:
    experts = run.spec.trainer.experts
    return {"TANDEM_EXPERTS": EXPERTS} if experts is not None and experts.memory.disk is not None else {}


def _threads(run: TrainingRun) -> Mapping[str, str]:
    threads = resources.threads(run.spec)
    return {} if threads is None else {"OMP_NUM_THREADS": str(threads)}


def _store(run: TrainingRun, site: PodSite) -> Mapping[str, Manifest]:
    """The way to S3, and how long it is waited for. The site's keys go to the site's service only, as its token does."""
    if not (checkpoints(run, site) or "").startswith("s3://"):
        return {}
    own = run.spec.checkpoint
    endpoint = own.endpoint or site.s3_endpoint
    secret = own.secret or (None if own.endpoint else site.s3_secret)
    told = {"TANDEM_STORE_PATIENCE_SECONDS": str(_STORE_PATIENCE_S), **({s3.ENDPOINT: endpoint} if endpoint else {})}
    keys = {key: _secret(key, secret, key) for key in s3.KEYS} if secret else {}
    return {**{name: _plain(name, value) for name, value in told.items()}, **keys}


def _variable(variable: Variable) -> Manifest:
    if variable.secret:
        return _secret(variable.name, variable.secret.name, variable.secret.key)
    return _plain(variable.name, variable.value or "")


def _plain(name: str, value: str) -> Manifest:
    """A value that arrives as it is written: the kubelet would put another variable in for $(NAME), and takes $$ for $."""
    return {"name": name, "value": value.replace("$", "$$")}


def _secret(name: str, secret: str, key: str) -> Manifest:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": False}}}
