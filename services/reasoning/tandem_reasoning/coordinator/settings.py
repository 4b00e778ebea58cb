"""The coordinator's settings: TANDEM_COORDINATOR_* in the environment."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from tandem_rpc import ServerTls


class Settings(BaseSettings):
    """Where the run is, and where workers find the coordinator."""

    model_config = SettingsConfigDict(env_prefix="TANDEM_COORDINATOR_", frozen=True)

    job: Path
    """File with the job: JSON."""
    questions: str
    """Address of the question set."""
    id_field: str = "id"
    """Field of its lines that names a question."""
    question_field: str = "question"
    """Field that holds its text."""
    answer_field: str = "answer"
    """Field that holds the right answer, where there is one."""
    kind_field: str = "kind"
    """Field that holds its class, where there is one."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Only so many questions, from the first on."""
    ledger: Path
    """File that the books are kept in; on a disk of this machine."""
    listen: str = "127.0.0.1:0"
    """Where workers and watchers are listened to."""
    metrics_listen: str = "127.0.0.1:0"
    """Where Prometheus scrapes, and /healthz is."""
    token_file: Path | None = None
    """Token that they have to show."""
    tls_cert: Path | None = None
    """Certificate that it shows them; without one nothing is encrypted."""
    tls_key: Path | None = None
    """Private key of that certificate."""
    plaintext: bool = False
    """States that the network itself encrypts."""
    address_file: Path | None = None
    """File that the address is written to, once it listens."""
    memory: str = ""
    """host:port of the shared memory; empty for a run without one."""
    memory_namespace: str = "default"
    """Its namespace; runs that name the same one learn from each other."""
    memory_token_file: Path | None = None
    """Token to show it."""
    memory_tls_ca: Path | None = None
    """Who has to vouch for it; left out, it is spoken to in the clear."""
    memory_plaintext: bool = False
    """States that the network itself encrypts what is said to a memory on another machine."""
    snapshots: str = ""
    """Address of an object store that snapshots of the ledger go to, file:// or s3://; empty takes none."""
    snapshot_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Longest time between two, as long as anything happens."""
    snapshot_questions: Annotated[int, Field(ge=1)] = 30
    """Most answers between two."""
    report: Path | None = None
    """Folder that the run's report is written to when it is over or the coordinator stops; it goes beside the snapshots, too."""
    grace_seconds: float = 5.0
    """For calls that are under way when it is asked to stop."""

    @model_validator(mode="after")
    def _files_are_there(self) -> Self:
        if not self.job.is_file():
            msg = f"job: {self.job} is no file; give the file that the job is in"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            msg = "tls_cert, tls_key: only one of the two is given; give both or none"
            raise ValueError(msg)
        return self

    @property
    def tls(self) -> ServerTls | None:
        """The certificate, if there is one."""
        return ServerTls.of(self.tls_cert, self.tls_key)
