"""The images do their work as user 65532, on a root that cannot be written to, with no capability."""

import json
import re
import time
import urllib.request
from urllib.error import URLError

import pytest

from tests.images.conftest import DOCKERFILES, Mounted
from tests.parts.running import free_port

WHO = "import os, pathlib; print(os.getuid(), os.getgid(), [l for l in open('/proc/self/status') if l.startswith('CapEff')])"
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


def test_the_trainer_says_what_is_missing(mounted: Mounted) -> None:
    """An agent that was told nothing ends at once, with the code that forbids a restart or with a failure; never in silence."""
    code, printed = mounted("trainer").run(environ={"TANDEM_JOB": json.dumps({})})
    assert code, printed
    assert printed


def _get(address: str) -> bytes:
    give_up = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  an address of ours
                return answer.read()
        except URLError:
            assert time.monotonic() < give_up
            time.sleep(0.1)
