"""A coordinator and a worker that other machines could listen to: processes that speak TLS, as they are told by files."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import ValidationError
from tandem_reasoning.coordinator.settings import Settings
from tandem_reasoning.ledger import State
from tandem_rpc import ServerTls

from tests.parts.running import free_port
from tests.protos.authority import Authority, authority, needs_openssl
from tests.services.reasoning.coordination import items, job, saying
from tests.services.reasoning.lanes.wire_server import playing

PATIENCE_S = 240
COUNT = 3


def _program(name: str, **told: object) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, **{variable: str(value) for variable, value in told.items()}}
    return subprocess.Popen([sys.executable, "-m", f"tandem_reasoning.{name}"], env=environ, stderr=subprocess.PIPE)


def _coordinator(folder: Path, port: int, urls: list[str], shown: Authority) -> "subprocess.Popen[bytes]":
    """One that listens at `port` with a certificate that `shown` vouches for."""
    (folder / "job.json").write_text(job({"local": urls}, routing={"policy": "Local"}).model_dump_json(by_alias=True))
    (folder / "questions.jsonl").write_text("\n".join(json.dumps({"id": f"q{n}", "question": f"what is {n}?"}) for n in range(COUNT)))
    certificate, key = shown.issue("coordinator")
    settings = {
        "JOB": folder / "job.json",
        "QUESTIONS": folder / "questions.jsonl",
        "LEDGER": folder / "ledger.sqlite",
        "LISTEN": f"127.0.0.1:{port}",
        "TOKEN_FILE": folder / "token",
        "TLS_CERT": certificate,
        "TLS_KEY": key,
    }
    return _program("coordinator", **{f"TANDEM_COORDINATOR_{name}": value for name, value in settings.items()})


def _until_said(process: "subprocess.Popen[bytes]", words: bytes) -> None:
    assert process.stderr
    assert any(words in line for line in process.stderr), "it has ended"


@needs_openssl
@pytest.mark.slow
def test_a_worker_that_knows_the_certificate_answers_all_and_no_other_is_let_in(tmp_path: Path) -> None:
    """One that believes in another authority gets no question, whatever token it has."""
    ours, theirs, port = authority(tmp_path / "ours"), authority(tmp_path / "theirs"), free_port()
    (tmp_path / "token").write_text("sesame")
    told = {"TANDEM_COORDINATOR": f"127.0.0.1:{port}", "TANDEM_TOKEN_FILE": tmp_path / "token"}

    async def deed() -> None:
        async with playing() as local:
            local.answer = saying("Answer: so")
            with ExitStack() as stack:
                coordinator = _coordinator(tmp_path, port, [local.url], ours)
                stack.callback(coordinator.kill)
                stranger = _program("worker", **told, TANDEM_TLS_CA=theirs.certificate)
                stack.callback(stranger.kill)
                await asyncio.to_thread(_until_said, stranger, b"asked again")
                worker = _program("worker", **told, TANDEM_TLS_CA=ours.certificate)
                stack.callback(worker.kill)
                assert await asyncio.to_thread(worker.wait, PATIENCE_S) == 0
                assert stranger.poll() is None
                for each in (stranger, coordinator):
                    each.send_signal(signal.SIGTERM)
                    await asyncio.to_thread(each.communicate, timeout=PATIENCE_S)
                assert (stranger.returncode, coordinator.returncode) == (0, 0)

    asyncio.run(asyncio.wait_for(deed(), 2 * PATIENCE_S))
    assert [item.state for item in items(tmp_path / "ledger.sqlite")] == [State.DONE] * COUNT


def test_a_certificate_and_its_key_are_given_together_or_not_at_all(tmp_path: Path) -> None:
    """TLS_CERT and TLS_KEY are what is shown; without them everything is in plain text."""
    (tmp_path / "job.json").touch()
    certificate, key, needed = tmp_path / "tls.crt", tmp_path / "tls.key", (tmp_path / "job.json", "", tmp_path / "ledger.sqlite")
    told = dict(zip(("job", "questions", "ledger"), needed, strict=True))
    assert Settings(**told, tls_cert=certificate, tls_key=key).tls == ServerTls(certificate=certificate, key=key)
    assert Settings(**told).tls is None
    for alone in ({"tls_cert": certificate}, {"tls_key": key}):
        with pytest.raises(ValidationError, match="tls_cert, tls_key: only one of the two is given; give both or none"):
            Settings(**told, **alone)


def test_a_worker_says_which_certificate_it_cannot_read(tmp_path: Path) -> None:
    """In one line, and is not started again."""
    (tmp_path / "token").write_text("sesame")
    absent = tmp_path / "absent"
    told = {"TANDEM_COORDINATOR": "coordinator.example:1", "TANDEM_TOKEN_FILE": tmp_path / "token", "TANDEM_TLS_CA": absent}
    ended = _program("worker", **told)
    _, said = ended.communicate(timeout=PATIENCE_S)
    assert ended.returncode == 93
    assert f"TANDEM_TLS_CA: tls.ca: {absent} cannot be read" in said.decode()
