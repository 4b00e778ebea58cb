"""The service as a process: its settings, its files, its end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_rpc import ServerTls, channel
from tandem_telemetry.catalog import CATALOG
from tandem_telemetry.client import Reporter, Watcher
from tandem_telemetry.settings import Settings

Make = Callable[..., WorkerReport]
Eventually = Callable[[Callable[[], object]], None]


def run_to_its_end(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": value for name, value in settings.items()}}
    command = [sys.executable, "-m", "tandem_telemetry"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_address_file_says_where_and_who(sink: Any) -> None:
    """It is there once the service is ready, and gone when it has stopped in good order."""
    sink.start()
    said = json.loads(sink.address_file.read_text())
    assert said["pid"] == sink.process.pid
    assert sink.get("/healthz") == "ok\n"
    with channel(said["grpc"]) as made:
        request = health_pb2.HealthCheckRequest(service="tandem.telemetry.v1.TelemetryService")
        assert health_pb2_grpc.HealthStub(made).Check(request).status == health_pb2.HealthCheckResponse.SERVING
    assert sink.terminate() == 0
    assert not sink.address_file.exists()


def test_what_is_served_is_in_the_catalogue(sink: Any, make: Make) -> None:
    """Every series of /metrics is a row of the table; other paths lead nowhere."""
    sink.start()
    reporter = Reporter(sink.address, sink.token_file)
    reporter.report(make(1, step=1))
    assert reporter.close(60)
    families = list(text_string_to_metric_families(sink.get("/metrics")))
    assert {sample.name for family in families for sample in family.samples} <= {metric.name for metric in CATALOG}
    assert ("tandem_step", 1.0) in {(sample.name, sample.value) for family in families for sample in family.samples}
    with pytest.raises(HTTPError, match="404"):
        sink.get("/")


def test_it_stops_with_streams_open(sink: Any, make: Make, eventually: Eventually) -> None:
    """Reporters and watchers that never leave by themselves do not keep it; they wait for the next one."""
    sink.start()
    reporter, watcher = Reporter(sink.address, sink.token_file), Watcher(sink.address, sink.token_file)
    reporter.report(make(1, step=1))
    eventually(watcher.newest)
    assert sink.terminate() == 0
    assert "Traceback" not in sink.log.read_text()
    watcher.close()
    reporter.close(0)


def test_silent_runs_are_forgotten_everywhere(sink: Any, make: Make, eventually: Eventually) -> None:
    """Their series end, and watchers drop them."""
    sink.start(EXPIRE_SECONDS=0.01)
    watcher, reporter = Watcher(sink.address, sink.token_file), Reporter(sink.address, sink.token_file)
    step = count(1)
    eventually(lambda: reporter.report(make(at := next(step), step=at)) or watcher.newest())  # until somebody has looked in time
    eventually(lambda: not watcher.newest())
    assert "tandem_step{" not in sink.get("/metrics")
    watcher.close()
    reporter.close(60)


def test_it_leaves_when_nobody_needs_it(sink: Any) -> None:
    """Without streams and reports it goes by itself, and takes its address along."""
    ended = run_to_its_end({**sink.settings, "IDLE_EXIT_SECONDS": "0.01"})
    assert ended.returncode == 0, ended.stderr
    assert "idle for 0.01 s: leaving" in ended.stderr
    assert not sink.address_file.exists()


def test_watchers_do_not_hold_it_up(sink: Any, eventually: Eventually) -> None:
    """They are told of the end, rather than being waited for as long as calls in progress may take."""
    sink.start(GRACE_SECONDS=600)
    watcher = Watcher(sink.address, sink.token_file)
    eventually(lambda: "tandem_telemetry_watchers 1.0" in sink.get("/metrics"))
    assert sink.terminate() == 0
    watcher.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LISTEN": "0.0.0.0:0"}, "listen: 0.0.0.0:0"),
        ({"LISTEN": "nowhere"}, "is not host:port"),
        ({"METRICS_LISTEN": "192.0.2.1:0"}, "metrics_listen: 192.0.2.1:0 cannot be bound"),
        ({"TOKEN_FILE": "/absent"}, "token_file: /absent"),
        ({"EXPIRE_SECONDS": "soon"}, "TANDEM_TELEMETRY_EXPIRE_SECONDS"),
        ({"MOST_RUNS": "0"}, "TANDEM_TELEMETRY_MOST_RUNS"),
        ({"TLS_CERT": "/absent"}, "TLS_KEY"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, str], said: str) -> None:
    """One line with setting, value and fix, no traceback, exit code 2."""
    environment = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": value for name, value in settings.items()}}
    ended = subprocess.run(
        [sys.executable, "-m", "tandem_telemetry"], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_certificates_reach_the_server(tmp_path: Path) -> None:
    """TLS_CERT, TLS_KEY and TLS_CLIENT_CA are what the server shows and believes; without them it speaks plain text."""
    paths = {name: tmp_path / name for name in ("tls_cert", "tls_key", "tls_client_ca")}
    assert Settings(**paths).tls == ServerTls(certificate=paths["tls_cert"], key=paths["tls_key"], client_ca=paths["tls_client_ca"])
    assert Settings().tls is None


def test_what_kubernetes_adds_to_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Service named tandem-telemetry puts variables with our prefix into every pod."""
    monkeypatch.setenv("TANDEM_TELEMETRY_PORT", "tcp://10.0.0.1:7070")
    monkeypatch.setenv("TANDEM_TELEMETRY_SERVICE_HOST", "10.0.0.1")
    assert Settings().listen == "127.0.0.1:0"


def test_a_second_service_leaves_the_address_of_the_first_alone(sink: Any) -> None:
    """One that cannot listen writes nothing; the file still says where the first one is."""
    sink.start()
    before = sink.address_file.read_text()
    environment = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": value for name, value in sink.settings.items()}}
    ended = subprocess.run(
        [sys.executable, "-m", "tandem_telemetry"], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (ended.returncode, sink.address_file.read_text()) == (2, before)
    assert sink.address in ended.stderr


def test_ctrl_c_is_a_request_to_stop(sink: Any) -> None:
    """Like SIGTERM: no traceback, exit code 0."""
    sink.start()
    sink.process.send_signal(signal.SIGINT)
    assert sink.process.wait(300) == 0
    assert "Traceback" not in sink.log.read_text()
    assert Path(sink.log).read_text()
