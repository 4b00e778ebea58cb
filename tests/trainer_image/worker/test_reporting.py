"""The voice of an agent reaches a sink that speaks TLS and nothing else."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from tandem_telemetry.client import Reporter
from tandem_trainer.job import Job
from tandem_trainer.link import Resumed
from tandem_trainer.worker.reporting import Reporting

from tests.protos.authority import Authority, authority, needs_openssl

pytestmark = needs_openssl
PATIENCE_S = 240.0  # a slow machine is no failure


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return authority(tmp_path / "ours")


@pytest.fixture
def sink(tmp_path: Path, ours: Authority) -> Iterator[dict[str, str]]:
    """Where it is, once it is up."""
    certificate, key = ours.issue("telemetry")
    (tmp_path / "token").write_text("sesame\n")
    settings = {"ADDRESS_FILE": tmp_path / "address", "TOKEN_FILE": tmp_path / "token", "TLS_CERT": certificate, "TLS_KEY": key}
    environment = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": str(value) for name, value in settings.items()}}
    with subprocess.Popen([sys.executable, "-m", "tandem_telemetry"], env=environment) as process:
        while not (tmp_path / "address").exists():
            assert process.poll() is None
            time.sleep(0.01)
        yield json.loads((tmp_path / "address").read_text())
        process.kill()


def environment(folder: Path, telemetry: str, **more: str) -> dict[str, str]:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    job = {"name": "r", "namespace": "team", "trainer": {"kind": "script"}, "phases": [{"name": "a", "steps": 9}]}
    job["checkpoint"] = {"uri": "file:///kept"}
    told = {"JOB": json.dumps(job), "ATTEMPT": "1", "WORKER_RANK": "0", "WORKERS": "1", "RANKS_PER_WORKER": "1", "RENDEZVOUS": "none"}
    places = {"SCRATCH": str(scratch), "CACHE": str(folder), "TELEMETRY": telemetry, "TOKEN_FILE": str(folder / "token")}
    return {f"TANDEM_{name}": value for name, value in {**told, **places, **more}.items()}


def test_a_report_arrives_over_tls(tmp_path: Path, sink: dict[str, str], ours: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority comes as text in the environment; the sink has the report when the agent has closed, however long that takes."""
    close = Reporter.close
    monkeypatch.setattr(Reporter, "close", lambda reporter, _: close(reporter, PATIENCE_S))
    told = environment(tmp_path, sink["grpc"], TELEMETRY_CA=ours.certificate.read_text())
    reporting = Reporting(Job.from_environment(told))
    reporting.resumed(Resumed(step=7, passed_over=()))
    reporting.close()
    with urlopen(f"http://{sink['metrics']}/metrics") as answer:
        assert 'tandem_step{namespace="team",run="r"} 7.0' in answer.read().decode()


def test_no_authority_is_no_tls(tmp_path: Path) -> None:
    """Left out or empty, as on one machine, telemetry is spoken to in plain text."""
    assert Job.from_environment(environment(tmp_path, "127.0.0.1:1")).telemetry_ca is None
    assert Job.from_environment(environment(tmp_path, "127.0.0.1:1", TELEMETRY_CA="")).telemetry_ca is None
