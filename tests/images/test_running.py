"""The images do their work as user 65532, on a root that cannot be written to, with no capability."""

import json
import os
import re
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.images.conftest import Mounted
from tests.parts.our_images import DOCKERFILES
from tests.parts.running import free_port

WHO = "import os, pathlib; print(os.getuid(), os.getgid(), [l for l in open('/proc/self/status') if l.startswith('CapEff')])"
NOBODY = 65532
LOADED = """
import json, pathlib, sys
import tandem_reasoning.worker.__main__, httpx2
httpx2.AsyncClient()
root = pathlib.Path("/opt/tandem/libraries")
files = [pathlib.Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
tops = {root / file.relative_to(root).parts[0] for file in files if file.is_relative_to(root)}
print(json.dumps({top.name: sum(each.stat().st_size for each in (top, *top.rglob("*")) if each.is_file()) for top in tops}))
"""
WRITES = "import sys; open(sys.argv[1], 'w')"


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_root_is_read_only_and_the_user_nobody(mounted: Mounted, name: str) -> None:
    """What the other tests here rest on: no right is left, and a write beside the code fails."""
    code, printed = mounted(name).run("python3", "-c", WHO)
    assert (code, printed.split()[:2]) == (0, ["65532", "65532"]), printed
    assert re.search(r"CapEff:\\t0+\\n", printed)
    code, printed = mounted(name).run("python3", "-c", WRITES, "/opt/tandem/code/x")
    assert code == 1
    assert "Read-only file system" in printed


def test_the_operator_starts(mounted: Mounted) -> None:
    """It loads all that it is made of, and says which of its settings it cannot use."""
    code, printed = mounted("operator").run(environ={"TANDEM_OPERATOR_QPS": "many"})
    assert code == 2, printed
    assert "TANDEM_OPERATOR_QPS: 'many'" in printed


def test_telemetry_serves_until_it_is_asked_to_leave(mounted: Mounted) -> None:
    """Its metrics can be read, and SIGTERM ends it well."""
    port = free_port()
    with mounted("telemetry").start(environ={"TANDEM_TELEMETRY_METRICS_LISTEN": f"127.0.0.1:{port}"}) as process:
        try:
            assert b"tandem_telemetry" in _get(f"http://127.0.0.1:{port}/metrics")
        finally:
            process.terminate()
    assert process.returncode == 0


def test_memory_says_what_is_missing(mounted: Mounted) -> None:
    """It loads all that it is made of, and says that it was not told where to keep anything."""
    code, printed = mounted("memory").run()
    assert code == 2, printed
    assert "FOLDER or CASSANDRA says where records are kept" in printed


def test_a_reasoning_worker_says_what_is_missing(mounted: Mounted) -> None:
    """It loads all that it is made of, and says that nobody told it of a coordinator, with the code that forbids a restart."""
    code, printed = mounted("reasoning").run()
    assert code == 93, printed
    assert "TANDEM_COORDINATOR is not set" in printed


def test_a_coordinator_finds_the_examples_questions(mounted: Mounted, tmp_path: Path) -> None:
    """A path that is relative in an example is one in the image, too; it keeps its books where it is told, and SIGTERM ends it well."""
    port, run = free_port(), tmp_path / "run"
    run.mkdir()
    os.chown(run, NOBODY, NOBODY)
    lane = {"name": "local", "kind": "Local", "urls": ["http://127.0.0.1:9/v1"], "model": "none"}
    (run / "job.json").write_text(json.dumps({"runUid": "u", "name": "r", "lanes": [lane], "experts": [{"name": "reasoning"}]}))
    told = {"JOB": "/run/job.json", "QUESTIONS": "questions/philosophy.jsonl", "LEDGER": "/run/ledger.sqlite"}
    environ = {f"TANDEM_COORDINATOR_{name}": value for name, value in (*told.items(), ("METRICS_LISTEN", f"127.0.0.1:{port}"))}
    argv = ("python3", "-m", "tandem_reasoning.coordinator")
    with mounted("reasoning").start(argv, environ=environ, folders={"/run": run}) as process:
        try:
            assert b'tandem_questions{state="ready"} 228.0' in _get(f"http://127.0.0.1:{port}/metrics")
        finally:
            process.terminate()
    assert process.returncode == 0
    assert (run / "ledger.sqlite").stat().st_uid == NOBODY


def test_what_a_worker_loads_is_small(mounted: Mounted) -> None:
    """The libraries that a worker loads take less than 60 MB: what the coordinator needs besides is not among them."""
    code, printed = mounted("reasoning").run("python3", "-c", LOADED)
    assert code == 0, printed
    found: dict[str, int] = json.loads(printed)
    assert {"grpc", "httpx2"} <= found.keys()
    assert not {"numpy", "pydantic", "minio", "uvloop"} & found.keys()
    assert sum(found.values()) < 60_000_000


def test_the_trainer_says_what_is_missing(mounted: Mounted) -> None:
    """An agent that was told nothing ends at once, with the code that forbids a restart or with a failure; never in silence."""
    code, printed = mounted("trainer").run(environ={"TANDEM_JOB": json.dumps({})})
    assert code, printed
    assert printed


def _get(address: str) -> bytes:
    give_up = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  an address of ours
                return answer.read()
        except URLError:
            assert time.monotonic() < give_up
            time.sleep(0.1)
