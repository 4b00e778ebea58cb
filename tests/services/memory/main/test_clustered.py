"""The service as processes on a real cluster of Cassandra."""

from pathlib import Path

import pytest
from tandem.memory.v1 import memory_pb2 as pb

from tests.parts.cassandra_cluster import CassandraCluster
from tests.services.memory.main.conftest import Process, Start, append, command, search

pytestmark = pytest.mark.xdist_group("cassandra")


def test_two_processes_serve_one_memory(cassandra: CassandraCluster, start: Start, tmp_path: Path) -> None:
    """What one was given the other finds, also when the first is killed; a key counts once, whoever is given it."""
    settings = {"CASSANDRA": ",".join(cassandra.addresses), "CASSANDRA_KEYSPACE": "main_process", "FOLDER": ""}
    first, second = start(**settings), Process(tmp_path / "second", **settings)
    second.start()
    try:
        request = pb.AppendRequest(namespace="n", records=[pb.Record(question="what is kept", key="k")])
        ids = first.stub().Append(request, timeout=120).ids
        assert [hit.record.id for hit in second.stub().Search(search("what is kept"), timeout=120).found[0].hits] == [*ids]
        first.kill()
        again = second.stub().Append(request, timeout=120)
        assert ([*again.ids], [*again.known]) == ([*ids], [True])
        assert second.stub().Append(append("more"), timeout=120).ids
        assert second.terminate() == 0
        assert "Traceback" not in second.log.read_text()
    finally:
        second.kill()


def test_a_cluster_that_is_not_there_is_named() -> None:
    """With its address, and no traceback."""
    ended = command(CASSANDRA="127.0.0.1", CASSANDRA_PORT="9")
    assert ended.returncode == 2
    assert "TANDEM_MEMORY_CASSANDRA: no cluster of Cassandra at 127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.stderr
