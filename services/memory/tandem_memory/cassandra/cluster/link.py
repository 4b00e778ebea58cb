"""The connection to a cluster: opened once, shared by any number of backends, and the way that statements are prepared."""

import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cassandra import DriverException, InvalidRequest  # pyright: ignore[reportMissingTypeStubs] - the driver has no types
from cassandra.auth import AuthProvider, PlainTextAuthenticator  # pyright: ignore[reportMissingTypeStubs]
from cassandra.cluster import (  # pyright: ignore[reportMissingTypeStubs]
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
)
from cassandra.cqltypes import BytesType, VectorType  # pyright: ignore[reportMissingTypeStubs]
from cassandra.policies import (  # pyright: ignore[reportMissingTypeStubs]
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    FallthroughRetryPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.query import tuple_factory  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from tandem_memory.backend import StoreUnavailableError

_PROTOCOL = 5
_HEARTBEAT_S = 10  # a node that is silent for so long is not asked until it is heard of again
_AGREEMENT_S = 60
_SCHEMA = 6  # times as long as for any other answer: all nodes write to their disks


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one waits for a cluster, seconds.

    Attributes:
        first: For the answer of the node that was asked first; then another one is asked beside it.
        answer: For any answer.
        quorum: For a quorum to be there again; then a call is refused.
    """

    first: float = 1.0
    answer: float = 12.0  # Cassandra's own limits are 10 s and less (cassandra.yaml): it says itself what went wrong
    quorum: float = 10.0


class Login(AuthProvider):
    """A user, and the file with the password, which is read at every connection: it may change, and is kept nowhere else."""

    def __init__(self, user: str, password: Path) -> None:
        self._user, self._password = user, password

    def new_authenticator(self, host: str) -> Any:  # noqa: ANN401 - the driver's
        """What answers a node."""
        del host  # all are shown the same
        return PlainTextAuthenticator(self._user, self._password.read_text().strip())


class Link:
    """A connection that any number of backends share. Opened and closed outside of event loops.

    Args:
        addresses: Of some nodes.
        keyspace: What the statements are about; begun with `replicas` copies of everything if it is not there.
        replicas: In each data centre; None begins nothing, so that the keyspace must be there.
        port: Where the nodes listen.
        datacentre: Whose nodes are asked. A quorum is one within it, so it is the same for all; None where there is only one.
        login: Who the nodes are told that this is; None where they ask for nobody.
        tls: Whom to believe that it is a node, and what to show it; None speaks in the clear.
        patience: How long one waits.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        keyspace: str = "tandem_memory",
        replicas: int | None = 3,
        port: int = 9042,
        datacentre: str | None = None,
        login: "Login | None" = None,
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.keyspace, self.patience = keyspace, patience or Patience()
        near = DCAwareRoundRobinPolicy(datacentre) if datacentre else RoundRobinPolicy()
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(near),
            retry_policy=FallthroughRetryPolicy(),
            row_factory=tuple_factory,
            speculative_execution_policy=ConstantSpeculativeExecutionPolicy(self.patience.first, len(addresses) - 1),
            request_timeout=self.patience.answer,
        )
        self._cluster: Any = Cluster(
            list(addresses),
            port=port,
            protocol_version=_PROTOCOL,
            auth_provider=login,
            ssl_context=tls,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=self.patience.answer,  # pyright: ignore[reportArgumentType] - any number will do
            control_connection_timeout=self.patience.answer,
            idle_heartbeat_interval=_HEARTBEAT_S,
            idle_heartbeat_timeout=_HEARTBEAT_S,
            max_schema_agreement_wait=_AGREEMENT_S,
        )
        self._prepared: dict[str, Any] = {}
        self._defined: set[str] = set()
        self._preparing = threading.Lock()
        self.threads = ThreadPoolExecutor(2, "cassandra-preparing")
        try:
            self._session: Any = self._cluster.connect()
            self._check_datacentre(datacentre)
            self._session.default_fetch_size = None  # every statement says how many rows it wants
            if replicas is not None:
                self._session.execute(
                    f"CREATE KEYSPACE IF NOT EXISTS {keyspace}"
                    f" WITH replication = {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replicas}}}"
                )
            self._session.set_keyspace(keyspace)
        except (NoHostAvailable, DriverException) as error:
            self._cluster.shutdown()
            what = f"keyspace {keyspace}" if isinstance(error, InvalidRequest) else "cluster of Cassandra"
            msg = f"no {what} at {', '.join(addresses)}: {error}"
            raise StoreUnavailableError(msg) from error

    def _check_datacentre(self, named: str | None) -> None:
        there: list[str] = sorted({host.datacenter for host in self._cluster.metadata.all_hosts() if host.datacenter})
        if named is None and len(there) > 1:
            msg = f"it has the data centres {', '.join(there)}; name one of them, the same for all replicas of the service"
            raise DriverException(msg)

    def define(self, cql: str) -> None:
        """Have the schema hold what `cql` says, and return when all nodes know it."""
        if cql in self._defined:
            return
        try:
            self._session.execute(cql, timeout=_SCHEMA * self.patience.answer)
        except (NoHostAvailable, DriverException) as error:
            msg = f"the schema cannot be changed: {error}"
            raise StoreUnavailableError(msg) from error
        self._defined.add(cql)

    def prepared(self, cql: str) -> Any | None:  # noqa: ANN401 - the driver's
        """The statement, if it was prepared before."""
        return self._prepared.get(cql)

    def prepare(self, cql: str) -> Any:  # noqa: ANN401 - the driver's
        """Prepare a statement. Vectors go in as the bytes that Cassandra keeps: big-endian float32, one after the other."""
        with self._preparing:
            if cql not in self._prepared:
                prepared = self._session.prepare(cql)
                prepared.column_metadata = [
                    column._replace(type=BytesType) if issubclass(column.type, VectorType) else column
                    for column in prepared.column_metadata
                ]
                prepared.is_idempotent = True
                self._prepared[cql] = prepared
            return self._prepared[cql]

    def send(self, statement: Any) -> Any:  # noqa: ANN401 - the driver's
        """Send it; the driver's future."""
        return self._session.execute_async(statement)

    def away(self) -> list[str]:
        """Addresses of nodes that do not answer, as far as that is known."""
        return sorted(str(host.address) for host in self._cluster.metadata.all_hosts() if not host.is_up)

    def close(self) -> None:
        """Let go."""
        self._cluster.shutdown()
        self.threads.shutdown()
