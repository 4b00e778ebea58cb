"""What the service may be told, all from the environment, as TANDEM_TELEMETRY_<NAME>.

Other variables with that prefix are left alone: Kubernetes adds some for a Service named tandem-telemetry.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from tandem_rpc import ServerTls

from tandem_telemetry.rights import Rights


class Settings(BaseSettings):
    """The settings, with what holds when nothing is said: one machine, loopback, free ports."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_TELEMETRY_", env_ignore_empty=True, extra="forbid", frozen=True)

    listen: str = "127.0.0.1:0"
    """Where gRPC listens; port 0 takes a free one."""
    metrics_listen: str = "127.0.0.1:0"
    """Where /metrics and /healthz are; anybody who reaches it may read."""
    address_file: Path | None = None
    """Where to write, once ready: {"grpc": "host:port", "metrics": "host:port", "pid": 1}."""
    token_file: Path | None = None
    """Tokens that callers must show one of; one a line."""
    token_review: bool = False
    """Callers show tokens of a Kubernetes cluster, and its API server is asked whose they are."""
    audience: str = "tandem-telemetry"
    """With token_review: for whom those tokens must be made out."""
    operators: str = ""
    """With token_review: who may watch every namespace, for example system:serviceaccount:tandem:tandem-operator; commas in between."""
    api_server: str = "https://kubernetes.default.svc"
    """With token_review: whom to ask."""
    service_account: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    """With token_review: the folder with the token and the authority to ask with."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    plaintext: bool = False
    """States that the network itself encrypts, so that other machines may connect without TLS."""
    expire_seconds: Annotated[float, Field(gt=0)] = 3600
    """A run that was silent for so long is forgotten, with its series."""
    idle_exit_seconds: Annotated[float, Field(ge=0)] = 0
    """Leave when no stream was open and no report came for so long; 0 is never."""
    grace_seconds: Annotated[float, Field(ge=0)] = 1
    """How long calls in progress may go on after SIGTERM. Reports are sent again to whoever comes next, so it can be short."""
    most_streams: Annotated[int, Field(gt=0)] = 1000
    """Reporters at once; further places are kept for watchers. Each holds a thread."""
    most_runs: Annotated[int, Field(gt=0)] = 10_000

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "Settings":
        if (self.tls_cert is None) != (self.tls_key is None) or (self.tls_client_ca and not self.tls_cert):
            msg = "TLS_CERT and TLS_KEY need each other, and TLS_CLIENT_CA needs both; give all that belong together"
            raise ValueError(msg)
        return self

    @property
    def rights(self) -> Rights:
        """Who may do what."""
        operators = frozenset(name.strip() for name in self.operators.split(",") if name.strip())
        return Rights(operators, told_apart=self.token_review)

    @property
    def tls(self) -> ServerTls | None:
        """The certificates, if there are any."""
        return ServerTls.of(self.tls_cert, self.tls_key, self.tls_client_ca)
