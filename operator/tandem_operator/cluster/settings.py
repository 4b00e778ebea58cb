"""What the operator may be told, all from the environment, as TANDEM_OPERATOR_<NAME>."""

import logging
import secrets
import socket
import uuid
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from tandem_operator.render.cluster_site import PodSite

_log = logging.getLogger(__name__)
_SHORTEST_KEY: Final = 32  # bytes
Seconds = Annotated[int, Field(ge=1, le=3600)]


class Settings(BaseSettings):
    """The settings; the chart gives all that it must."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_OPERATOR_", env_ignore_empty=True, extra="forbid", frozen=True)

    namespace: str = ""
    """The only namespace whose runs are cared for; all of them when empty."""
    read_nodes: bool = True
    """Whether nodes may be read. Without that right no notice of a machine's end is seen before its pods say so."""
    release: str = ""
    """<namespace>/<name> of the installation that we are part of, by which operators of another one are told from our stand-ins."""
    identity: str = Field(default_factory=lambda: f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}")
    """Who holds the Lease, such as the name of the pod. No two processes may share it: each would take the other's Lease for its own."""
    trainer_image: str = "tandem-trainer"
    """Image of the workers of runs that name none."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: tuple[str, ...] = ()
    telemetry: str | None = None
    """host:port of the telemetry service; without one no progress is known."""
    telemetry_ca: Path | None = None
    """File with the certificate that it is known by."""
    token_file: Path | None = None
    """Our own token for it."""
    audience: str = "tandem-telemetry"
    """Whom the tokens of workers are made out to."""
    memory: str | None = None
    """host:port of a memory service, for DualRuns that want one and name none."""
    memory_ca: Path | None = None
    """File with the certificate that it is known by."""
    reasoning_image: str | None = None
    """Image of the coordinators and workers of DualRuns."""
    reasoning_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    ledger_class: str | None = None
    """StorageClass of the disks that coordinators keep their books on; the cluster's default when there is none."""
    ledger_size: str = "1Gi"
    """Size of such a disk."""
    key_file: Path | None = None
    """File with a random key, from which the tokens and certificates of DualRuns are reckoned; the same for all operators of a cluster."""
    probes_listen: str = "0.0.0.0:8080"
    """Where /healthz and /metrics are."""
    qps: Annotated[float, Field(gt=0)] = 300
    """Requests a second to the API server, on the long run (as Kueue's own)."""
    burst: Annotated[int, Field(gt=0)] = 500
    """Requests at once."""
    grace_seconds: Seconds = 100
    """Time for a last checkpoint: what Amazon's two minutes leave; Google gives 25."""
    unreachable_seconds: Seconds = 15
    """How long a worker may be on a node that is not heard of, before its pod is given up."""
    checkpoint_uri: str | None = None
    """Where the checkpoints of runs go that name no place."""
    s3_endpoint: str | None = None
    s3_secret: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    def site(self) -> PodSite:
        """What workers are told of this cluster.

        Raises:
            OSError: when the certificate cannot be read.
        """
        return PodSite(
            trainer_image=self.trainer_image,
            grace_seconds=self.grace_seconds,
            unreachable_seconds=self.unreachable_seconds,
            image_pull_policy=self.image_pull_policy,
            image_pull_secrets=self.image_pull_secrets,
            telemetry=self.telemetry,
            telemetry_ca=self.telemetry_ca.read_text() if self.telemetry_ca else None,
            audience=self.audience,
            checkpoint_uri=self.checkpoint_uri,
            s3_endpoint=self.s3_endpoint,
            s3_secret=self.s3_secret,
            reasoning_image=self.reasoning_image,
            reasoning_pull_policy=self.reasoning_pull_policy,
            ledger_class=self.ledger_class,
            ledger_size=self.ledger_size,
            memory=self.memory,
            memory_ca=self.memory_ca.read_text() if self.memory_ca else None,
        )

    def naming(self, path: str) -> str:
        """The name of the setting that names a file."""
        files = {"TELEMETRY_CA": self.telemetry_ca, "MEMORY_CA": self.memory_ca, "KEY_FILE": self.key_file}
        return next((f"TANDEM_OPERATOR_{name}" for name, file in files.items() if str(file) == path), "TANDEM_OPERATOR_*")

    def key(self) -> bytes:
        """The key for tokens and certificates; a random one where none is set, and then no DualRun is accepted.

        Raises:
            OSError: when its file cannot be read.
            ValueError: when what is in there is so short that others could find it.
        """
        key = self.key_file.read_bytes().strip() if self.key_file else secrets.token_bytes()
        if len(key) < _SHORTEST_KEY:
            msg = f"TANDEM_OPERATOR_KEY_FILE: {self.key_file} holds {len(key)} characters: write {_SHORTEST_KEY} or more, at random"
            raise ValueError(msg)
        return key


class CurrentSite:
    """What workers are told of this cluster now: the certificate is read again once its file is another."""

    def __init__(self, settings: Settings) -> None:
        """Read it for the first time.

        Raises:
            OSError: when the certificate cannot be read.
        """
        self._settings, self._read = settings, self._stamps(settings)
        self._site = settings.site()

    def __call__(self) -> PodSite:
        """The site. A certificate that cannot be read just now, while it is exchanged, is the one that was."""
        try:
            if (found := self._stamps(self._settings)) != self._read:
                self._site = self._settings.site()
                self._read = found
        except OSError as error:
            _log.warning("%s cannot be read: %s; workers are still told what stood there", error.filename, error.strerror)
        return self._site

    @staticmethod
    def _stamps(settings: Settings) -> tuple[tuple[int, int] | None, ...]:
        return stamp(settings.telemetry_ca), stamp(settings.memory_ca)


def stamp(path: Path | None) -> tuple[int, int] | None:
    """What changes when another file is there: those of Secrets are exchanged by a link.

    Raises:
        OSError: when there is none.
    """
    if path is None:
        return None
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
