"""The service as processes on a real cluster of Cassandra."""

from pathlib import Path

import pytest
from tandem.memory.v1 import memory_pb2 as pb

from tests.parts.cassandra_cluster import CassandraCluster
from tests.services.memory.program.conftest import Process, Start, append, command, search

pytestmark = pytest.mark.xdist_group("cassandra")


def test_two_processes_serve_one_memory(cassandra: CassandraCluster, start: Start, tmp_path: Path) -> None:
    """What one was given the other finds, also when the first is killed; a key counts once, whoever is given it."""
    settings = {"CASSANDRA": ",".join(cassandra.addresses), "CASSANDRA_KEYSPACE": "main_process", "FOLDER": ""}
    first, second = start(**settings), Process(tmp_path / "second", **settings)
    second.start()
    try:
        request = pb.AppendRequest(namespace="n", records=[pb.Record(question="what is kept", key="k")])
        ids = first.stub().Append(request, timeout=300).ids
        assert [hit.record.id for hit in second.stub().Search(search("what is kept"), timeout=300).found[0].hits] == [*ids]
        first.kill()
        again = second.stub().Append(request, timeout=300)
        assert ([*again.ids], [*again.known]) == ([*ids], [True])
        assert second.stub().Append(append("more"), timeout=300).ids
        assert second.terminate() == 0
        assert "Traceback" not in second.log.read_text()
    finally:
        second.kill()


def test_a_store_moves_to_the_cluster_and_back(cassandra: CassandraCluster, start: Start, tmp_path: Path) -> None:
    """By the command, with the login of the settings; a keyspace that is not there is no source, and none begins by asking."""
    service = start()
    service.stub().Append(append("what is kept", "something else"))
    assert service.terminate() == 0
    secret = tmp_path / "password"
    secret.write_text("cassandra\n")
    disk, back = str(tmp_path / "service" / "store"), str(tmp_path / "back")
    cluster = f"cassandra://{','.join(cassandra.addresses)}/main_migrated"
    login = {"CASSANDRA_USER": "cassandra", "CASSANDRA_PASSWORD_FILE": str(secret)}
    absent = command("migrate", cluster, back, **login)
    assert (absent.returncode, "FROM: no keyspace main_migrated at " in absent.stderr, absent.stderr.count("\n")) == (2, True, 1), (
        absent.stderr
    )
    for source, target in ((disk, cluster), (cluster, back)):
        moved = command("migrate", source, target, **login)
        assert (moved.returncode, moved.stdout) == (0, "n: 2 records, 2 moved, the same in both\n"), moved.stderr
    assert command("migrate", disk, back).stdout == "n: 2 records, 0 moved, the same in both\n"


def test_a_cluster_keeps_what_made_vectors(cassandra: CassandraCluster, start: Start) -> None:
    """An import says it, and the export of a namespace that began with it says it again."""
    stub = start(CASSANDRA=",".join(cassandra.addresses), CASSANDRA_KEYSPACE="main_process", FOLDER="").stub()
    record = pb.Record(question="what is kept", key="k", vector=bytes(4) + b"\0\0\x80\x3f")
    request = pb.ImportRequest(namespace="origin", records=[record], embedding="another-model")
    assert stub.Import(iter([request]), timeout=300).taken == 1
    assert [each.embedding for each in stub.Export(pb.ExportRequest(namespace="origin"), timeout=300)] == ["another-model"]


def test_a_cluster_that_is_not_there_is_named() -> None:
    """With its address, and no traceback."""
    ended = command(CASSANDRA="127.0.0.1", CASSANDRA_PORT="9")
    assert ended.returncode == 2
    assert "TANDEM_MEMORY_CASSANDRA: no cluster of Cassandra at 127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.stderr
