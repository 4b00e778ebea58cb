"""Several nodes of Cassandra on loopback addresses of their own, so that clusters of parallel test runs do not meet."""

import random
import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cassandra import DriverException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import WhiteListRoundRobinPolicy

from tests.parts.cassandra_node import PORT, Node, Place

_PATIENCE_S = 300  # to start, on a machine that does other things too: 20 s where it is idle
_PAUSE_S = 0.2
_TOLD_S = 5  # after the driver has waited for 10 s; what is handed on is there within one or two, what is asked for only after up to 60
_STARTS = 3
_CLAIM = 254  # the last byte of the address whose port says that a block is taken


@dataclass(frozen=True)
class Guard:
    """Settings of a node by which it asks who is there, and what the driver must be told to be let in."""

    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entry: Mapping[str, Any] = field(default_factory=dict[str, Any])


class CassandraCluster:
    """Its nodes, by number, and what the driver must be told to be let in."""

    def __init__(self, nodes: Sequence[Node], entry: Mapping[str, Any]) -> None:
        self.nodes, self.entry = nodes, entry

    @property
    def addresses(self) -> list[str]:
        return [node.address for node in self.nodes]

    @property
    def pids(self) -> list[int]:
        """Of the nodes that are there."""
        return [node.pid for node in self.nodes if not node.gone]

    def start(self, *nodes: Node) -> None:
        """Start these, or all, and return when they serve.

        Raises:
            RuntimeError: when one ends, or does not serve in time.
        """
        wanted = nodes or self.nodes
        for node in wanted:
            node.start()
        for node in wanted:
            until(node.ready, f"Cassandra at {node.address} does not serve")
        for node in wanted:
            until(lambda node=node: self._knows_all(node), f"Cassandra at {node.address} does not see the other nodes")

    def passes_on(self) -> bool:
        """Whether each node hands changes of its schema on. On a busy machine they may never begin to, and ask once a minute instead."""
        try:
            return all(self._has_told(node) for node in self.nodes)
        except (NoHostAvailable, DriverException):
            return False

    def _has_told(self, node: Node) -> bool:
        """Whether all nodes soon have what one is told to define; it stays there, empty."""
        keyspace = f"told_by_{node.place.number}"
        replicas = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}"
        with self._asked(node) as session:
            session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replicas}", timeout=_PATIENCE_S)
        return _comes(lambda: all(self._has(keyspace, other) for other in self.nodes), _TOLD_S)

    def _has(self, keyspace: str, node: Node) -> bool:
        with self._asked(node) as session:
            return session.execute("SELECT * FROM system_schema.keyspaces WHERE keyspace_name = %s", (keyspace,)).one() is not None

    @contextmanager
    def _asked(self, node: Node) -> Generator[Session]:
        """A way to ask one node alone."""
        alone = ExecutionProfile(WhiteListRoundRobinPolicy([node.address]))
        with Cluster([node.address], port=PORT, execution_profiles={EXEC_PROFILE_DEFAULT: alone}, **self.entry) as driver:
            yield driver.connect()

    def _knows_all(self, node: Node) -> bool:
        """Whether a node has heard of all others, and has the schema of those that are there: before, it is a ring by itself."""
        try:
            with self._asked(node) as session:
                own = session.execute("SELECT schema_version FROM system.local").one()
                others = {row.peer: row.schema_version for row in session.execute("SELECT peer, schema_version FROM system.peers_v2")}
        except (NoHostAvailable, DriverException):
            return False
        there = {other.address for other in self.nodes if other is not node and not other.gone}
        agree = all(version == own.schema_version for peer, version in others.items() if peer in there)
        return len(others) == len(self.nodes) - 1 and agree

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()


def until(reached: Callable[[], bool], otherwise: str) -> None:
    """Wait until something holds."""
    if not _comes(reached, _PATIENCE_S):
        msg = f"{otherwise}, after {_PATIENCE_S} s"
        raise RuntimeError(msg)


def _comes(reached: Callable[[], bool], within_s: float) -> bool:
    give_up = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > give_up:
            return False
        time.sleep(_PAUSE_S)
    return True


@contextmanager
def serving(
    jars: Path, folder: Path, nodes: int = 3, *, lasting: bool = False, guarded: Callable[[str], Guard] | None = None
) -> Generator[CassandraCluster]:
    """A cluster of so many nodes, empty, ready, and gone at the end.

    Args:
        jars: Cassandra.
        folder: Where the nodes keep everything.
        nodes: How many.
        lasting: They are slower to start and fast then.
        guarded: How the node at an address is guarded, and what it takes to be let in.
    """
    with _block() as block:
        addresses = tuple(f"{block}.{number + 1}" for number in range(nodes))
        guards = [guarded(address) if guarded else Guard() for address in addresses]
        common = {"jars": jars, "seeds": addresses, "of": nodes, "lasting": lasting}
        places = [
            Place(folder=folder / f"node-{number}", address=address, number=number, settings=guard.settings, **common)
            for number, (address, guard) in enumerate(zip(addresses, guards, strict=True))
        ]
        cluster = CassandraCluster([Node(place) for place in places], guards[0].entry)
        try:
            cluster.start()
            for _ in range(_STARTS):
                if cluster.passes_on():
                    break
                cluster.stop()
                cluster.start()
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def _block() -> Generator[str]:
    """The first three bytes of loopback addresses that are nobody else's meanwhile."""
    while True:
        block = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}"
        with socket.socket() as claim:
            try:
                claim.bind((f"{block}.{_CLAIM}", PORT))
            except OSError:
                continue
            yield block
            return
