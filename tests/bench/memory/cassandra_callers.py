"""Two callers of the bench on Cassandra: the client of the service, and Cassandra's driver alone on the tables of the service."""

# ruff: noqa: S608 - the names in statements are ours; values are bound

import secrets
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.bench.memory.workload import K, Workload, text

KEYSPACE = "bench"
_SOURCE = 3
_PATIENCE_S = 300


class Served:
    """A client of the service, over streams that stay, as the driver keeps its connections."""

    def __init__(self, address: str, work: Workload) -> None:
        from tandem_memory.client import Filter, Memory

        memory, self._work = Memory(address, "bench", deadline_s=600), work
        self._searcher, self._appender = memory.searcher(), memory.appender()
        self._filters = {"all": Filter(), "source": Filter(sources=[f"s{_SOURCE}"])}

    def append(self, numbers: range, keys: Sequence[str]) -> None:
        """At once."""
        from tandem_memory.client import Record

        work = self._work
        self._appender.append(
            [
                Record(question=text(number), source=f"s{work.sources[number]}", score=float(work.scores[number]), vector=vector, key=key)
                for number, vector, key in zip(numbers, work.vectors[numbers.start : numbers.stop], keys, strict=True)
            ]
        )

    def search(self, query: Any, among: str) -> int:
        """How many were found."""
        return len(self._searcher.search(query, K, self._filters[among]))


class Bare:
    """The driver alone, on the tables of the service. It writes a log of its own that no service follows."""

    def __init__(self, addresses: str, work: Workload) -> None:
        from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
        from cassandra.policies import RoundRobinPolicy, TokenAwarePolicy
        from cassandra.query import tuple_factory

        profile = ExecutionProfile(TokenAwarePolicy(RoundRobinPolicy()), row_factory=tuple_factory, request_timeout=_PATIENCE_S)
        self._cluster = Cluster(
            addresses.split(","),
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            protocol_version=5,
            connect_timeout=_PATIENCE_S,
            control_connection_timeout=_PATIENCE_S,
        )
        self._session = self._cluster.connect()
        self._session.set_keyspace(KEYSPACE)
        self._work, self._statements = work, dict[str, Any]()
        ((self._identity, dimension),) = self._session.execute("SELECT identity, dimension FROM namespaces WHERE store = 'memory'")
        self._table, self._dimension = f"log_{dimension}", dimension
        self._writer, self._position = f"{secrets.token_hex(6)}.0", 0

    def append(self, numbers: range, keys: Sequence[str]) -> None:
        """Claim all names, then write all records in as few batches as Cassandra takes well."""
        from cassandra.query import BatchStatement, BatchType

        first, self._position = self._position + 1, self._position + len(numbers)
        claim = "INSERT INTO claims (identity, name, place) VALUES (?, ?, ?) IF NOT EXISTS"
        self._all(claim, [(self._identity, f"record {key}", f"{self._writer}-{first + at}") for at, key in enumerate(keys)])
        insert = self._prepared(
            f"INSERT INTO {self._table}"
            " (identity, writer, bucket, position, entry, kind, at, body, size, exact, vector, facets, score, made)"
            " VALUES (?, ?, ?, ?, '', 0, ?, ?, 0, ?, ?, ?, ?, ?) USING TIMESTAMP 1"
        )
        for begin in range(0, len(numbers), 128):
            batch = BatchStatement(BatchType.UNLOGGED, consistency_level=_level("LOCAL_QUORUM"))
            for at in range(begin, min(begin + 128, len(numbers))):
                batch.add(insert.bind(self._row(first + at, numbers[at])))
            self._session.execute(batch)

    def search(self, query: Any, among: str) -> int:
        """Which logs there are, what one node's index names, and that as a quorum has it."""
        self._all("SELECT writer, settled, settled_at, ended, beat FROM writers WHERE identity = ?", [(self._identity,)])
        words = [f"{self._identity} source s{_SOURCE}" if among == "source" else self._identity]
        named = f"SELECT writer, position FROM {self._table} WHERE facets CONTAINS ? ORDER BY vector ANN OF ? LIMIT {2 * K + 20}"
        (places,) = self._all(named, [(*words, query.astype(">f4").tobytes())], "LOCAL_ONE")
        partitions: dict[tuple[str, int], list[int]] = {}
        for writer, position in places:
            partitions.setdefault((writer, (position - 1) // 2048), []).append(position)
        read = (
            f"SELECT position, entry, kind, at, body, size, exact FROM {self._table}"
            " WHERE identity = ? AND writer = ? AND bucket = ? AND position IN ?"
        )
        found = self._all(read, [(self._identity, *key, positions) for key, positions in partitions.items()])
        rows = [row for part in found for row in part]
        cosines = np.frombuffer(b"".join(row[6] for row in rows), "<f4").reshape(len(rows), -1) @ query
        return len([rows[at] for at in np.argsort(-cosines)[:K]])

    def _row(self, position: int, number: int) -> tuple[Any, ...]:
        work, identity, vector = self._work, self._identity, self._work.vectors[number]
        facets = {identity, f"{identity} source s{work.sources[number]}", f"{identity} verified 0"}
        now_us, body = int(time.time() * 1e6), text(number).encode()
        told = (now_us, body, vector.tobytes(), vector.astype(">f4").tobytes(), facets, float(work.scores[number]), now_us * 1000)
        return (identity, self._writer, (position - 1) // 2048, position, *told)

    def _all(self, cql: str, values: Sequence[tuple[Any, ...]], level: str = "LOCAL_QUORUM") -> list[list[Any]]:
        """All at once, and 16 at most, as the service does."""
        from cassandra.concurrent import execute_concurrent_with_args

        statement = self._prepared(cql)
        statement.consistency_level = _level(level)
        done = execute_concurrent_with_args(self._session, statement, values, concurrency=16)
        return [list(found or ()) for _, found in done]

    def _prepared(self, cql: str) -> Any:
        """Vectors go in as bytes, which is the quickest that the driver can be had to do."""
        from cassandra.cqltypes import BytesType, VectorType

        if cql not in self._statements:
            made = self._statements[cql] = self._session.prepare(cql)
            columns = made.column_metadata or ()
            made.column_metadata = [each._replace(type=BytesType) if issubclass(each.type, VectorType) else each for each in columns]
        return self._statements[cql]


def _level(name: str) -> int:
    from cassandra import ConsistencyLevel

    return getattr(ConsistencyLevel, name)
