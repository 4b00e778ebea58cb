"""The voice of an agent reaches a sink that speaks TLS and nothing else."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from tandem.telemetry.v1.telemetry_pb2 import WorkerReport
from tandem_telemetry.client import Reporter
from tandem_trainer.checkpoint.commit import Committed
from tandem_trainer.job import Job
from tandem_trainer.link import Resumed, Snapshot, Stepped
from tandem_trainer.worker.reporting import Reporting
from tandem_trainer.worker.uploads import Kept

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


def test_what_keeps_checkpoints_away_is_reported_until_one_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without secrets, and not for longer than it lasts."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")
    (tmp_path / "token").write_text("sesame\n")
    heard: list[WorkerReport] = []
    monkeypatch.setattr(Reporter, "report", lambda _, report: heard.append(report))
    reporting = Reporting(Job.from_environment(environment(tmp_path, "127.0.0.1:1")))
    reporting.not_checkpointed("s3://bucket/run: a-secret-key is no key" + "!" * 1000)
    reporting.kept(Kept(snapshot=snapshot(), committed=Committed(step=7, key="7", uri="s3://bucket/run/7", bytes=9, at=datetime.now(UTC))))
    reporting.close()
    assert [report.checkpoint_failures for report in heard] == [1, 1, 1]
    assert heard[0].checkpoint_problem.startswith("s3://bucket/run: *** is no key!!")
    assert len(heard[0].checkpoint_problem) == 300
    assert {report.checkpoint_problem for report in heard[1:]} == {""}
    assert heard[1].HasField("checkpoint_problem"), "absent would mean: as it was said before"


def test_broken_experts_are_reported_where_a_model_has_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None that broke is a number, too: experts may be made anew. Who has no experts says nothing of them."""
    (tmp_path / "token").write_text("sesame\n")
    heard: list[WorkerReport] = []
    monkeypatch.setattr(Reporter, "report", lambda _, report: heard.append(report))
    for counted in (3, 0, None):
        reporting = Reporting(Job.from_environment(environment(tmp_path, "127.0.0.1:1")))
        reporting.stepped(stepped(broken_experts=counted))
        reporting.close()
    found = [report.broken_experts if report.HasField("broken_experts") else None for report in heard]
    assert list(dict.fromkeys(found)) == [3, 0, None]


def test_updates_that_were_left_out_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as the attempt has left out so far."""
    (tmp_path / "token").write_text("sesame\n")
    heard: list[WorkerReport] = []
    monkeypatch.setattr(Reporter, "report", lambda _, report: heard.append(report))
    reporting = Reporting(Job.from_environment(environment(tmp_path, "127.0.0.1:1")))
    reporting.stepped(stepped(broken_experts=None, refused_updates=12))
    reporting.close()
    assert heard[-1].refused_updates == 12


def stepped(*, broken_experts: int | None, refused_updates: int = 0) -> Stepped:
    at = {"step": 1, "phase": "a", "tokens": 10, "tokens_per_second": 1.0, "seconds": 10.0}
    return Stepped(**at, loss=1.0, learning_rate=0.1, broken_experts=broken_experts, refused_updates=refused_updates)


def snapshot() -> Snapshot:
    return Snapshot(rank=0, step=7, claim=1, generation=0, bytes=9, loss=1.0, tokens=0, blocked_seconds=0.1, layout=())


def test_no_authority_is_no_tls(tmp_path: Path) -> None:
    """Left out or empty, as on one machine, telemetry is spoken to in plain text."""
    assert Job.from_environment(environment(tmp_path, "127.0.0.1:1")).telemetry_ca is None
    assert Job.from_environment(environment(tmp_path, "127.0.0.1:1", TELEMETRY_CA="")).telemetry_ca is None
