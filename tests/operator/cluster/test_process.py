"""`python -m tandem_operator.cluster` as a pod starts it: settings, probes, signals."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.runs import Run, eventually
from tests.parts.running import free_port

COMMAND = [sys.executable, "-m", "tandem_operator.cluster"]
PATIENT = """
import runpy
from tests.operator.cluster.patience import be_patient
be_patient()
runpy.run_module("tandem_operator.cluster", run_name="__main__", alter_sys=True)
"""  # the same


def told(**settings: str) -> dict[str, str]:
    """The environment of an operator, and nothing of ours."""
    return {"PATH": os.environ["PATH"], **{f"TANDEM_OPERATOR_{name.upper()}": value for name, value in settings.items()}}


@contextmanager
def running(kubeconfig: Path, log: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    environ = {**told(**settings), "KUBECONFIG": str(kubeconfig)}
    with log.open("wb") as out, subprocess.Popen([sys.executable, "-c", PATIENT], env=environ, stderr=out) as process:
        try:
            yield process
        finally:
            process.kill()


def asked(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
    except OSError as error:
        return 0, str(error)


def _written(port: int) -> set[str]:
    """The kinds of what was written: it is counted once that is answered, and may be seen before."""
    return set(re.findall(r'tandem_operator_writes_total{kind="([a-z_]+)"}', asked(port, "/metrics")[1]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"qps": "-1"}, "TANDEM_OPERATOR_QPS: '-1': Input should be greater than 0"),
        ({"grace_seconds": "soon"}, "TANDEM_OPERATOR_GRACE_SECONDS: 'soon': Input should be a valid integer"),
        ({"telemetry_ca": "/none/ca.crt"}, "TANDEM_OPERATOR_TELEMETRY_CA: /none/ca.crt cannot be read: No such file or directory"),
        ({"key_file": "/dev/null"}, "TANDEM_OPERATOR_KEY_FILE: /dev/null holds 0 characters: write 32 or more, at random"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, str], said: str) -> None:
    """One line for each, and the exit code of bad input; no traceback."""
    done = subprocess.run(COMMAND, env=told(**settings), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"tandem-operator: {said}")
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("kubelets")
def test_a_life_of_the_process(run: Run, proxy: FaultProxy, tmp_path: Path) -> None:
    """It says that it is well, counts what it does, tells of its runs, and gives the Lease back when asked to stop."""
    port, namespace = free_port(), run.namespace
    listen = {"probes_listen": f"127.0.0.1:{port}", "namespace": namespace}
    with running(proxy.kubeconfig, tmp_path / "operator.log", **listen) as process:
        eventually("it to be well", lambda: asked(port, "/healthz")[0] == 200)
        run.create()
        run.until(phase="Running")
        found = eventually("its figures", lambda: text if f'namespace="{namespace}"' in (text := asked(port, "/metrics")[1]) else "")
        assert "tandem_operator_leader 1.0" in found
        eventually("each kind of write to be counted", lambda: {"pod", "status", "lease"} <= _written(port), lambda: _written(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0
    lease = run.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/tandem-operator")
    assert lease["spec"]["holderIdentity"] == ""


def test_asked_to_stop_before_it_acts(run: Run, proxy: FaultProxy, tmp_path: Path) -> None:
    """A stand-in leaves at once."""
    proxy.inject(Fault(kind=Kind.BROKEN), path="/leases")
    port, namespace = free_port(), run.namespace
    listen = {"probes_listen": f"127.0.0.1:{port}", "namespace": namespace}
    with running(proxy.kubeconfig, tmp_path / "operator.log", **listen) as process:
        eventually("it to be well", lambda: asked(port, "/healthz")[0] == 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0


def test_asked_to_stop_while_it_begins(run: Run, proxy: FaultProxy, tmp_path: Path) -> None:
    """Also when the library that watches has taken the signals for itself and cannot get on."""
    proxy.inject(Fault(kind=Kind.SLOW, seconds=5), path="/apis?$")
    log, namespace = tmp_path / "operator.log", run.namespace
    settings = {"probes_listen": "127.0.0.1:0", "namespace": namespace}
    with running(proxy.kubeconfig, log, **settings) as process:
        eventually("the library to ask", lambda: proxy.met(Kind.SLOW))
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 0, log.read_text()
