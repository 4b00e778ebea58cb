"""The service as a process: its settings, its files, its end, and what is brought back from a backup."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from tandem.memory.v1 import memory_pb2 as pb
from tandem_memory.figures import COUNTERS, GAUGES, HISTOGRAMS
from tandem_memory.program.main import main
from tandem_memory.program.naming import mistyped
from tandem_memory.program.settings import Settings
from tandem_memory.reference import document
from tandem_rpc import ClientTls, ServerTls, channel

from tests.protos.authority import authority, needs_openssl
from tests.protos.token_reviewer import of, reviewing
from tests.services.memory.program.conftest import Start, append, command, search


def test_it_keeps_what_it_was_given(start: Start) -> None:
    """The address file says where and who; what was appended is there after a stop, and the file is gone with the service."""
    service = start()
    said = json.loads(service.address_file.read_text())
    assert said["pid"] == service.running.pid
    assert service.get("/healthz") == "ok\n"
    with channel(said["grpc"]) as made:
        request = health_pb2.HealthCheckRequest(service="tandem.memory.v1.MemoryService")
        assert health_pb2_grpc.HealthStub(made).Check(request).status == health_pb2.HealthCheckResponse.SERVING
    ids = service.stub().Append(append("what is kept", "something else")).ids
    assert service.terminate() == 0
    assert not service.address_file.exists()
    found = start().stub().Search(search("what is kept?")).found[0].hits
    assert [hit.record.id for hit in found] == [ids[0]]


def test_what_it_tells_of_itself_is_in_the_table(start: Start) -> None:
    """Every series of /metrics is a row, and every row has a series."""
    service = start()
    stub = service.stub()
    stub.Append(append("a", "b"))
    stub.Search(search("a"))
    with pytest.raises(grpc.RpcError):
        stub.Search(pb.SearchRequest())
    families = {family.name: family for family in text_string_to_metric_families(service.get("/metrics"))}
    assert set(families) == {row.name.removesuffix("_total") for row in (*COUNTERS, *GAUGES, *HISTOGRAMS)}
    values = {sample.name: sample.value for family in families.values() for sample in family.samples}
    assert values["tandem_memory_appended_records_total"] == values["tandem_memory_records"] == 2
    assert values["tandem_memory_searched_queries_total"] == values["tandem_memory_refused_calls_total"] == 1


def test_the_document_is_fresh() -> None:
    """METRICS.md is what `poe metrics` writes."""
    assert (Path(__file__).parents[4] / "services/memory/METRICS.md").read_text() == document()


def test_it_stops_with_streams_open(start: Start) -> None:
    """Callers that never leave by themselves do not keep it: watchers are told to come back, and do so where they were."""
    service = start(GRACE_SECONDS=1)
    stub = service.stub()
    stub.Append(append("a"))
    watch, forever = stub.Watch(pb.WatchRequest(namespace="n")), threading.Event()
    cursor = next(watch).cursor
    appends = stub.AppendStream(forever.wait() and append("b") for _ in range(1))
    assert service.terminate() == 0
    with pytest.raises(grpc.RpcError) as caught:
        next(watch)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "Traceback" not in service.log.read_text()
    forever.set()
    appends.cancel()
    again = start().stub()
    again.Append(append("c"))
    assert next(again.Watch(pb.WatchRequest(namespace="n", cursor=cursor))).changes[0].appended.question == "c"


def test_ctrl_c_is_a_stop_in_good_order(start: Start) -> None:
    """SIGINT does what SIGTERM does."""
    service = start()
    service.running.send_signal(signal.SIGINT)
    assert service.running.wait(300) == 0
    assert "Traceback" not in service.log.read_text()


def test_callers_are_told_apart_by_their_tokens(start: Start, tmp_path: Path) -> None:
    """With a folder of tokens and a file of rights, which may change while the service runs."""
    folder, rights = tmp_path / "tokens", tmp_path / "rights.yaml"
    folder.mkdir()
    (folder / "cloud").write_text("sesame\n")
    rights.write_text("grants:\n  - {who: 'token:cloud', namespaces: ['n'], may: read}\n")
    service = start(TOKEN_FOLDER=folder, RIGHTS_FILE=rights)
    stub = service.stub(token_file=folder / "cloud")
    with pytest.raises(grpc.RpcError, match="token:cloud may read there and has to append in 'n'"):
        stub.Append(append("a"))
    rights.write_text("grants:\n  - {who: 'token:cloud', namespaces: ['n'], may: append}\n")
    assert stub.Append(append("a")).ids
    rights.write_text("nothing")
    assert stub.Append(append("b")).ids
    assert "the rights read before still hold" in service.log.read_text()


@needs_openssl
def test_a_cluster_says_whose_tokens_are(start: Start, tmp_path: Path) -> None:
    """Over TLS, service accounts do what the file of rights says of them, and their tokens are asked about once."""
    ours, rights, token = authority(tmp_path / "ours"), tmp_path / "rights.yaml", tmp_path / "worker"
    certificate, key = ours.issue("memory")
    token.write_text("worker")
    rights.write_text("grants:\n  - {who: 'system:serviceaccount:team:*', namespaces: ['n'], may: append}\n")
    with reviewing(tmp_path, ours) as reviewer:
        reviewer.known["worker"] = of("system:serviceaccount:team:default")
        service = start(**reviewer.settings, RIGHTS_FILE=rights, TLS_CERT=certificate, TLS_KEY=key)
        stub = service.stub(token_file=token, tls=ClientTls(ca=ours.certificate))
        assert [*stub.Append(append("a")).ids] == [hit.record.id for hit in stub.Search(search("a")).found[0].hits]
        with pytest.raises(grpc.RpcError, match="system:serviceaccount:team:default may do nothing there"):
            stub.Stats(pb.StatsRequest(namespace="m"))
        token.write_text("stranger")
        with pytest.raises(grpc.RpcError, match="not a token of this cluster"):
            stub.Stats(pb.StatsRequest(namespace="n"))
        assert [review["spec"]["token"] for _, _, review in reviewer.asked] == ["worker", "stranger"]


def test_half_a_copy_that_was_left_is_swept_away(start: Start, tmp_path: Path) -> None:
    """A process that is killed over a backup leaves what it had put together beside the store."""
    left = tmp_path / "service" / "store" / ".backup-left"
    start().kill()
    left.mkdir()
    (left / "data").write_text("half")
    start()
    assert not left.exists()


def test_a_backup_is_brought_back_by_the_command(start: Start, tmp_path: Path) -> None:
    """Into an empty folder, from which it can be served; never over anything, and never from half a copy."""
    service = start()
    ids = service.stub().Append(append("what was lost")).ids
    made = service.stub().Backup(pb.BackupRequest(uri=(tmp_path / "copies").as_uri()))
    service.stub().Append(append("too late"))
    assert service.terminate() == 0
    back = command("restore", made.uri, str(tmp_path / "back"))
    assert (back.returncode, back.stdout[:9]) == (0, "1 records"), back.stderr
    again = start(FOLDER=tmp_path / "back").stub()
    assert [hit.record.id for hit in again.Search(search("what was lost")).found[0].hits] == [*ids]
    refused = command("restore", made.uri, str(tmp_path / "back"))
    assert (refused.returncode, "is not empty" in refused.stderr) == (2, True)
    above = command("restore", (tmp_path / "copies").as_uri(), str(tmp_path / "deep" / "back"))
    assert (above.returncode, above.stderr.count("\n")) == (2, 1)
    assert above.stderr.endswith(f"is where copies are, and none itself; give the address of one, newest first: {made.uri}\n")
    assert not (tmp_path / "deep").exists()
    nowhere = command("restore", made.uri, str(tmp_path / "back" / "log" / "data.mdb"))
    assert (nowhere.returncode, nowhere.stderr.count("\n"), "cannot be written (File exists)" in nowhere.stderr) == (2, 1, True)


@pytest.mark.parametrize("damage", ["bytes", "manifest", "torn", "absent"])
def test_half_a_copy_is_not_brought_back(start: Start, tmp_path: Path, damage: str) -> None:
    """Another byte, no manifest, half of one, a file that is gone: one line with what is wrong."""
    service = start()
    service.stub().Append(append("a"))
    made = service.stub().Backup(pb.BackupRequest(uri=(tmp_path / "copies").as_uri()))
    copy = next((tmp_path / "copies").iterdir())
    files = sorted(path for path in copy.rglob("*") if path.is_file() and path.name != "manifest.json" and path.stat().st_size)
    if damage == "bytes":
        data = bytearray(files[0].read_bytes())
        data[len(data) // 2] ^= 1
        files[0].write_bytes(data)
    elif damage == "torn":
        (copy / "manifest.json").write_text('{"format": 1,')
    else:
        (copy / "manifest.json" if damage == "manifest" else files[0]).unlink()
    back = command("restore", made.uri, str(tmp_path / "back"))
    assert back.returncode == 2
    said = {"bytes": "the manifest says", "manifest": "it is no copy", "torn": "not as it was written", "absent": files[0].name}
    assert said[damage] in back.stderr
    assert len(back.stderr.splitlines()) == 1, back.stderr
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"FOLDER": "store", "CASSANDRA": "10.0.0.1"}, "FOLDER or CASSANDRA"),
        ({"CASSANDRA": "192.0.2.1", "CASSANDRA_PASSWORD_FILE": "/absent"}, "CASSANDRA_PASSWORD_FILE /absent"),
        ({"FOLDER": "/proc/nothing"}, "TANDEM_MEMORY_FOLDER: /proc/nothing"),
        ({"FOLDER": "store", "LISTEN": "0.0.0.0:0"}, "TANDEM_MEMORY_LISTEN: 0.0.0.0:0"),
        ({"FOLDER": "store", "LISTEN": "nowhere"}, "TANDEM_MEMORY_LISTEN: 'nowhere' is not host:port"),
        ({"FOLDER": "store", "METRICS_LISTEN": "192.0.2.1:0"}, "TANDEM_MEMORY_METRICS_LISTEN: 192.0.2.1:0 cannot be bound"),
        ({"FOLDER": "store", "TOKEN_FILE": "/absent"}, "TANDEM_MEMORY_TOKEN_FILE: /absent"),
        ({"FOLDER": "store", "TLS_CERT": "/absent", "TLS_KEY": "/absent"}, "TANDEM_MEMORY_TLS_KEY: /absent"),
        ({"FOLDER": "store", "EMBEDDING_URL": "nowhere", "EMBEDDING_MODEL": "m"}, "TANDEM_MEMORY_EMBEDDING_URL: 'nowhere'"),
        ({"FOLDER": "store", "GRACE_SECONDS": "soon"}, "TANDEM_MEMORY_GRACE_SECONDS: 'soon'"),
        ({"FOLDER": "store", "MOST_STREAMS": "0"}, "TANDEM_MEMORY_MOST_STREAMS"),
        ({"FOLDER": "store", "MOST_MESSAGE_BYTES": "1000"}, "does not fit MOST_MESSAGE_BYTES 1000"),
        ({"FOLDER": "store", "TLS_CERT": "/absent"}, "TLS_KEY"),
        ({"FOLDER": "store", "TOKEN_FILE": "a", "TOKEN_REVIEW": "true"}, "three ways to know callers"),
        ({"FOLDER": "store", "TOKEN_FOLDER": "a"}, "RIGHTS_FILE"),
        ({"FOLDER": "store", "RIGHTS_FILE": "a"}, "RIGHTS_FILE"),
        ({"FOLDER": "store", "TOKEN_FOLDER": "a", "RIGHTS_FILE": "/absent"}, "TANDEM_MEMORY_RIGHTS_FILE: /absent cannot be read"),
        ({"FOLDER": "store", "EMBEDDING_URL": "http://localhost:1/v1"}, "EMBEDDING_MODEL"),
        (
            {"FOLDER": "store", "EMBEDDING_URL": "https://me:sesame@host/v1", "EMBEDDING_MODEL": "m", "METRICS_LISTEN": "192.0.2.1:0"},
            "EMBEDDING_KEY_FILE",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    settings: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with setting, value and fix, no traceback, exit code 2."""
    there = {"FOLDER": str(tmp_path / settings["FOLDER"])} if settings.get("FOLDER") == "store" else {}
    for name, value in {**settings, **there}.items():
        monkeypatch.setenv(f"TANDEM_MEMORY_{name}", value)
    assert main([]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "sesame" not in error
    assert len(error.splitlines()) == 1, error


def test_without_a_folder_it_does_not_start() -> None:
    """Neither does a process that was told nothing end in silence."""
    ended = command()
    assert (ended.returncode, ended.stderr.splitlines()) == (
        2,
        ["tandem-memory: TANDEM_MEMORY_*: FOLDER or CASSANDRA says where records are kept; give one of the two"],
    )


def test_a_store_is_served_once(start: Start, tmp_path: Path) -> None:
    """A second process on the same folder is told so, and the first goes on."""
    service = start()
    second = command(FOLDER=str(tmp_path / "service" / "store"))
    assert second.returncode == 2
    assert len(second.stderr.splitlines()) == 1, second.stderr
    assert service.stub().Append(append("a")).ids


def test_nothing_is_taken_into_a_file_that_somebody_removed(start: Start, tmp_path: Path) -> None:
    """Nobody would find it again; what is there can be copied, and that is said."""
    service = start()
    stub = service.stub()
    stub.Append(append("a"))
    (tmp_path / "service" / "store" / "log" / "data.mdb").unlink()
    with pytest.raises(grpc.RpcError) as caught:
        stub.Append(append("b"))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "append: " in (caught.value.details() or "")
    assert (caught.value.details() or "").endswith("somebody removed it; back up what is still served, and restore that")
    assert stub.Backup(pb.BackupRequest(uri=(tmp_path / "copies").as_uri())).records == 1


def test_other_words_are_not_understood() -> None:
    """And what is understood is said."""
    ended = command("restore", "file:///x")
    assert (ended.returncode, "restore URI FOLDER" in ended.stderr) == (2, True)


@pytest.mark.parametrize("words", [["--help"], ["check", "-h"]])
def test_help_lists_every_setting(words: list[str]) -> None:
    """With what holds when it is absent, and what it says."""
    ended = command(*words)
    assert (ended.returncode, ended.stderr) == (0, "")
    for name in Settings.model_fields:
        assert f"\nTANDEM_MEMORY_{name.upper()}" in ended.stdout
    assert "TANDEM_MEMORY_LISTEN (else 127.0.0.1:0)\n    Where gRPC listens; port 0 takes a free one.\n" in ended.stdout


def test_a_setting_that_looks_mistyped_is_told_of() -> None:
    """A token file under a wrong name would leave the service open to all; what Kubernetes adds is no setting of anybody's."""
    given = [
        "TANDEM_MEMORY_FLODER",
        "TANDEM_MEMORY_TOKENFILE",
        "TANDEM_MEMORY_TOKEN_FILE",
        "TANDEM_MEMORY_PORT",
        "TANDEM_MEMORY_SERVICE_HOST",
        "PATH",
    ]
    assert list(mistyped([*given, "TANDEM_MEMORY_PORT_7070_TCP_ADDR", "TANDEM_MEMORY_NAMESPACE"])) == [
        "TANDEM_MEMORY_FLODER: there is no such setting, and nothing comes of it; TANDEM_MEMORY_FOLDER is one",
        "TANDEM_MEMORY_TOKENFILE: there is no such setting, and nothing comes of it; TANDEM_MEMORY_TOKEN_FILE is one",
    ]


def test_certificates_reach_the_server(tmp_path: Path) -> None:
    """TLS_CERT, TLS_KEY and TLS_CLIENT_CA are what the server shows and believes; without them it speaks plain text."""
    paths: dict[str, Any] = {name: tmp_path / name for name in ("tls_cert", "tls_key", "tls_client_ca")}
    wanted = ServerTls(certificate=paths["tls_cert"], key=paths["tls_key"], client_ca=paths["tls_client_ca"])
    assert Settings(folder=tmp_path, **paths).tls == wanted
    assert Settings(folder=tmp_path).tls is None


def test_what_kubernetes_adds_to_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Service named tandem-memory puts variables with our prefix into every pod."""
    monkeypatch.setenv("TANDEM_MEMORY_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("TANDEM_MEMORY_PORT_7070_TCP", "tcp://10.0.0.1:7070")
    assert Settings(folder=tmp_path).listen == "127.0.0.1:0"
