"""What the service may be told, all from the environment, as TANDEM_MEMORY_<NAME>.

Other variables with that prefix are left alone: Kubernetes adds some for a Service named tandem-memory.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from tandem_rpc import ServerTls, Streams
from tandem_rpc.exposure import host_of

from tandem_memory.acceptance import Limits
from tandem_memory.acceptance.limits import DIMENSIONS
from tandem_memory.rules.remembering import KEPT


def _with_port(address: str) -> str:
    host_of(address)
    return address


_Address = Annotated[str, AfterValidator(_with_port)]
KEYSPACE = "[a-z][a-z0-9_]{0,47}"  # what Cassandra takes as a name without quotes


class Settings(BaseSettings):
    """The settings, with what holds when nothing is said: one machine, loopback, free ports."""

    model_config = SettingsConfigDict(
        env_prefix="TANDEM_MEMORY_", env_ignore_empty=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    folder: Path | None = None
    """Where the store is, on a disk of this machine. One process at a time."""
    cassandra: str = ""
    """In place of a folder: some nodes of a cluster of Apache Cassandra 5, commas in between. Any number of processes."""
    cassandra_port: Annotated[int, Field(gt=0, le=65535)] = 9042
    cassandra_keyspace: Annotated[str, Field(pattern=f"^{KEYSPACE}$")] = "tandem_memory"
    cassandra_replicas: Annotated[int, Field(gt=0)] = 3
    """Copies of everything in each data centre, if the keyspace is not there yet."""
    cassandra_datacentre: str | None = None
    """Whose nodes are asked, the same for all processes; may be absent where there is only one."""
    cassandra_user: str = "tandem"
    cassandra_password_file: Path | None = None
    """The password of that user, read at every connection; absent, nodes are shown none."""
    cassandra_tls_ca: Path | None = None
    """Who has to vouch for the nodes; absent, they are spoken to in the clear."""
    cassandra_tls_cert: Path | None = None
    cassandra_tls_key: Path | None = None
    """With cassandra_tls_ca: what this service shows to nodes that ask who it is."""
    cassandra_tls_names: bool = True
    """Whether a node's certificate must be made out for its address."""
    cassandra_young_bytes: Annotated[int, Field(gt=0)] = 512 * 1024 * 1024
    """Memory for records that a node which is away may lack; when it is full, appends are refused until that node is back."""
    listen: _Address = "127.0.0.1:0"
    """Where gRPC listens; port 0 takes a free one."""
    metrics_listen: _Address = "127.0.0.1:0"
    """Where /metrics and /healthz are; anybody who reaches it may read."""
    address_file: Path | None = None
    """Where to write, once ready: {"grpc": "host:port", "metrics": "host:port", "pid": 1}."""

    token_file: Path | None = None
    """Tokens that callers must show one of, one a line; who does is admin of every namespace."""
    token_folder: Path | None = None
    """A folder with a file of tokens for each caller; the caller in file x is "token:x" in the rights file."""
    token_review: bool = False
    """Callers show tokens of a Kubernetes cluster, and its API server is asked whose they are."""
    rights_file: Path | None = None
    """With token_folder or token_review: who may do what where; read anew whenever it changes."""
    audience: str = "tandem-memory"
    """With token_review: for whom those tokens must be made out."""
    api_server: str = "https://kubernetes.default.svc"
    """With token_review: whom to ask."""
    service_account: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    """With token_review: the folder with the token and the authority to ask with."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    plaintext: bool = False
    """States that the network itself encrypts, so that other machines may connect without TLS."""

    embedding_url: Annotated[str | None, Field(pattern="^https?://")] = None
    """An OpenAI-compatible /v1 to embed texts by; absent, the built-in embedding does."""
    embedding_model: str | None = None
    """With embedding_url: the model."""
    embedding_key_file: Path | None = None
    """With embedding_url: the file with the key to show there, read at every request."""
    embedding_dimension: Annotated[int | None, Field(ge=2, le=DIMENSIONS)] = None
    """How many dimensions texts are embedded in; absent, as many as the embedding has by itself."""

    most_record_bytes: Annotated[int, Field(gt=0)] = 16 * 1024 * 1024
    """Largest record that is taken in."""
    most_message_bytes: Annotated[int, Field(gt=0)] = 64 * 1024 * 1024
    """Largest message, both ways; callers have to allow as much."""
    most_streams: Annotated[int, Field(gt=0)] = 4096
    """Streams of appends and searches at once; further places are kept for watchers."""
    most_watchers: Annotated[int, Field(gt=0)] = 1024
    grace_seconds: Annotated[float, Field(ge=0)] = 5
    """How long calls in progress may go on after SIGTERM."""
    remember_days: Annotated[float, Field(gt=0, le=36_500)] = KEPT.days
    """How long it is remembered that records were removed and judged, a century at most. Longer than anybody waits who tells a judgement
    again because its answer was lost, and than a watcher stays away that goes on from its cursor."""
    scratch: Path | None = None
    """Where a copy is put together before it is sent away; absent, beside the store."""

    @model_validator(mode="after")
    def _there_is_one_place(self) -> "Settings":
        if (self.folder is None) != bool(self.cassandra):
            msg = "FOLDER or CASSANDRA says where records are kept; give one of the two"
            raise ValueError(msg)
        if self.cassandra_password_file and not self.cassandra_password_file.is_file():
            msg = f"CASSANDRA_PASSWORD_FILE {self.cassandra_password_file} is absent; write the password of CASSANDRA_USER into it"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _nodes_are_believed_or_not(self) -> "Settings":
        own = (self.cassandra_tls_cert, self.cassandra_tls_key)
        if (None in own and any(own)) or (any(own) and self.cassandra_tls_ca is None):
            msg = "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY need each other, and both CASSANDRA_TLS_CA; give all that belong together"
            raise ValueError(msg)
        for path in (self.cassandra_tls_ca, *own):
            if path and not path.is_file():
                msg = f"CASSANDRA_TLS_*: {path} is absent; give the file, in PEM"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> "Settings":
        if (self.tls_cert is None) != (self.tls_key is None) or (self.tls_client_ca and not self.tls_cert):
            msg = "TLS_CERT and TLS_KEY need each other, and TLS_CLIENT_CA needs both; give all that belong together"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _callers_are_known_in_one_way(self) -> "Settings":
        if sum((self.token_file is not None, self.token_folder is not None, self.token_review)) > 1:
            msg = "TOKEN_FILE, TOKEN_FOLDER and TOKEN_REVIEW are three ways to know callers; give one"
            raise ValueError(msg)
        if self.told_apart != (self.rights_file is not None):
            msg = "RIGHTS_FILE says what callers may do who are told apart by TOKEN_FOLDER or TOKEN_REVIEW; give both or none"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _a_record_fits_a_message(self) -> "Settings":
        if self.most_record_bytes >= self.most_message_bytes:
            msg = f"MOST_RECORD_BYTES {self.most_record_bytes} does not fit MOST_MESSAGE_BYTES {self.most_message_bytes}; let it be larger"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _an_endpoint_has_a_model(self) -> "Settings":
        if (self.embedding_url is None) != (self.embedding_model is None) or (self.embedding_key_file and not self.embedding_url):
            msg = "EMBEDDING_URL and EMBEDDING_MODEL need each other, and EMBEDDING_KEY_FILE needs both; give all that belong together"
            raise ValueError(msg)
        if "@" in (self.embedding_url or "").partition("://")[2].partition("/")[0]:
            msg = "EMBEDDING_URL holds a user, who would be shown in logs and refusals; write what to show there into EMBEDDING_KEY_FILE"
            raise ValueError(msg)
        return self

    @property
    def cassandra_nodes(self) -> list[str]:
        """Some nodes of the cluster."""
        return [node.strip() for node in self.cassandra.split(",") if node.strip()]

    @property
    def place(self) -> str:
        """Where records are kept, in words."""
        return f"keyspace {self.cassandra_keyspace} at {self.cassandra}" if self.cassandra else str(self.folder)

    @property
    def told_apart(self) -> bool:
        """Whether every caller is known by name."""
        return self.token_folder is not None or self.token_review

    @property
    def tls(self) -> ServerTls | None:
        """The certificates, if there are any."""
        return ServerTls.of(self.tls_cert, self.tls_key, self.tls_client_ca)

    @property
    def streams(self) -> Streams:
        """How many streams may be open."""
        return Streams(speakers=self.most_streams, listeners=self.most_watchers)

    @property
    def limits(self) -> Limits:
        """How much is taken in."""
        return Limits(record_bytes=self.most_record_bytes)
