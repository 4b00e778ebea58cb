"""How a run is kept alive and within bounds: checkpoints, dollars, restarts, loss spikes, and the services it talks to."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from .model import ApiModel, Duration, Usd
from .names import Name, SecretName
from .phase import Steps
from .scalars import HostPort, StoreUri, UsdLimit
from .shape import Shape

MANIFESTS: Final = "/manifests/"
"""Stands between the place of a run's checkpoints and the name of a manifest in it."""


Endpoint = Annotated[
    str,
    Shape(
        most=1024,
        bare=True,
        pattern="https?://[^/@]+",
        instead="is no address of an S3 service: write http:// or https:// and a host, such as http://minio:9000",
    ),
]
"""Where an S3 service listens."""


class OnExhausted(StrEnum):
    """What a run becomes after it was checkpointed and stopped at the end of its budget."""

    SUSPEND = "Suspend"
    FAIL = "Fail"


class SpikeAction(StrEnum):
    """What is done about a loss spike."""

    IGNORE = "Ignore"
    REPORT = "Report"
    STOP = "Stop"


class StoreSpec(ApiModel):
    """Where the state of a run is kept."""

    uri: StoreUri | None = None
    """`file:///folder` or `s3://bucket/prefix`; one of the run's own when left out, here or below the chart's `checkpoints.uri`."""


class CheckpointSpec(StoreSpec):
    """Where the state of the run is kept, and how often it is put there."""

    secret: SecretName | None = None
    """Secret in the run's namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

    When left out, the chart's `checkpoints.secret` unless an endpoint is named here; else the rights of the service account.
    Unused on one machine.
    """
    endpoint: Endpoint | None = None
    """Address of MinIO or of another S3; the operator's own, or else Amazon's, when left out. Unused on one machine."""
    every_steps: Steps | None = None
    """A checkpoint after so many optimizer steps."""
    every_seconds: Steps | None = None
    """A checkpoint after so many seconds, whichever comes first."""
    keep_last: StrictInt = Field(default=5, ge=1, le=1000)
    """How many of the newest checkpoints are kept."""
    keep_best: StrictBool = True
    """Keep the checkpoint with the lowest loss as well."""


class LimitSpec(ApiModel):
    """A limit in dollars, and when to warn of it."""

    usd: UsdLimit | None = None
    """The limit in US dollars; none when left out."""
    warn_at: StrictFloat = Field(default=0.8, gt=0, le=1)
    """Share of the limit at which a warning is given."""


class BudgetSpec(LimitSpec):
    """How many dollars the run may cost, over all attempts, idle time included."""

    on_exhausted: OnExhausted = OnExhausted.SUSPEND
    """What becomes of the run after it was checkpointed and stopped at the limit: Suspend or Fail."""
    usd_per_worker_hour: Usd | None = None
    """Price of a worker for an hour, where no node says its own; 0 where it costs nothing. Not known when left out: then nothing counts.

    A node's own price is shared by the runs that have workers there at that moment, each by their number; who is alone pays all of it.
    """


class BackoffSpec(ApiModel):
    """The wait before an attempt that follows a failure, or a fall before a step was made; it doubles with each one."""

    first: Duration = Field(default="10s", validate_default=True)
    """Wait after the first failure."""
    longest: Duration = Field(default="5m", validate_default=True)
    """No wait is longer."""


class RestartSpec(ApiModel):
    """How often a run that failed is tried again. Preemptions are free and are not counted."""

    max_failures: StrictInt = Field(default=3, ge=0, le=1_000_000)
    """Failures that are forgiven; one more ends the run."""
    backoff: BackoffSpec = BackoffSpec()
    """The wait between attempts."""
    max_no_progress: StrictInt = Field(default=2, ge=1, le=1_000_000)
    """Failures in a row at the same step that end the run, however many are forgiven."""


class SpikesSpec(ApiModel):
    """What counts as a loss spike, and what is done about one."""

    action: SpikeAction = SpikeAction.REPORT
    """Ignore, Report (event and metric), or Stop (the run ends with the last checkpoint before the spike)."""
    window: StrictInt = Field(default=128, ge=8, le=1_000_000)
    """Steps whose median and median absolute deviation are the yardstick."""
    sigmas: StrictFloat = Field(default=6.0, gt=0)
    """How many robust standard deviations above the median a loss must be."""


class ServiceReference(ApiModel):
    """A Tandem service that the workers talk to."""

    address: HostPort
    """host:port of its gRPC server."""


class MemoryReference(ServiceReference):
    """The shared memory service that workers may use."""

    namespace: Name = "default"
    """Namespace of the records: lower-case letters, digits and dashes, at most 40, starting with a letter."""
