"""What the shell knows about a cluster and the planner does not."""

from dataclasses import dataclass

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.api.upkeep import MANIFESTS


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSite:
    """The facts of a cluster, the same for every namespace in it.

    Attributes:
        trainer_image: Image of the workers of runs that name none.
        grace_seconds: Time for the last checkpoint, as far as the platform's notice allows.
        unreachable_seconds: How long a worker may be on a node that is not heard of.
        image_pull_policy: When `trainer_image` is pulled; the cluster's own rule when None.
        image_pull_secrets: Secrets that images are pulled with, by name.
        telemetry: host:port of the telemetry service, used when the run names none.
        telemetry_ca: The certificate that it is known by, as PEM; public.
        audience: Whom the tokens of workers are made out to.
        checkpoint_uri: Where checkpoints go when the run does not say; each run has a folder of its own there.
        s3_endpoint: Address of the S3 service, used when the run names none; Amazon's when None.
        s3_secret: Secret in the run's namespace with the keys to it, used when the run names none.
        reasoning_image: Image of the coordinators and workers of DualRuns; none can be started without.
        reasoning_pull_policy: When it is pulled; the cluster's own rule when None.
        ledger_class: StorageClass of the disks that coordinators keep their books on; the cluster's default when None.
        ledger_size: Size of such a disk.
        memory: host:port of a shared memory, used when a DualRun wants one and names none.
        memory_ca: The certificate that it is known by, as PEM; public.
        memory_audience: Whom the tokens are made out to that are shown to it.
    """

    trainer_image: str
    grace_seconds: int
    unreachable_seconds: int
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    telemetry: str | None = None
    telemetry_ca: str | None = None
    audience: str = "tandem-telemetry"
    checkpoint_uri: str | None = None
    s3_endpoint: str | None = None
    s3_secret: str | None = None
    reasoning_image: str | None = None
    reasoning_pull_policy: str | None = None
    ledger_class: str | None = None
    ledger_size: str = "1Gi"
    memory: str | None = None
    memory_ca: str | None = None
    memory_audience: str = "tandem-memory"


def checkpoints(run: TrainingRun, site: PodSite) -> str | None:
    """Where the checkpoints of `run` go; None when neither the run nor the site says, and the run cannot be started.

    What a run has begun stays where it is, also when the site says something else by now. A run of the same name that is made later
    begins anew: to take over what another has left is a wish that has to be written (spec.checkpoint.uri).
    """
    if run.spec.checkpoint.uri:
        return run.spec.checkpoint.uri
    if run.status.checkpoint:
        return run.status.checkpoint.uri.rpartition(MANIFESTS)[0]
    if site.checkpoint_uri is None:
        return None
    return f"{site.checkpoint_uri.rstrip('/')}/{run.metadata.namespace}/{run.name}/{run.metadata.uid}".rstrip("/")
