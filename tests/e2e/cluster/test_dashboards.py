"""The dashboard of a real run: a real Prometheus scrapes telemetry and operator of a cluster, and every panel shows something."""

import socket
import subprocess
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tandem_telemetry.dashboards.panels import ROWS

from tests.cluster.any_cluster import AnyCluster
from tests.e2e.cluster.installation import RELEASE, Applied, Tenant
from tests.parts.fixtures import needing, say
from tests.parts.prometheus_server import Prometheus, obtained, serving
from tests.parts.running import free_port

pytestmark = pytest.mark.slow

QUERIES = {f"{row.title}: {panel.title}: {query.legend}": query.expr for row in ROWS for panel in row.panels for query in panel.queries}
NOT_HERE: Mapping[str, str] = {
    "Progress: Broken experts: {{namespace}}/{{run}}": "the run has no experts",
    "Progress: Device memory: {{namespace}}/{{run}}": "no card is in this machine",
}
"""Panels that stay empty, each with the reason."""
_PATIENCE_S = 300
_PAUSE_S = 0.5


@pytest.fixture
def prometheus(cluster: AnyCluster, tenant: Tenant, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Prometheus]:
    """One that scrapes what is installed, through the API server, as it can be reached in any cluster."""
    assert tenant
    with needing("prometheus", request.config):
        program, _ = obtained(lambda line: say(request.config, line))
    with (
        _forwarded(cluster, f"service/{RELEASE}-telemetry", 9090) as telemetry,
        _forwarded(cluster, f"deployment/{RELEASE}-operator", 8080) as operator,
        serving(program, tmp_path / "prometheus", {"telemetry": telemetry, "operator": operator}) as server,
    ):
        yield server


def test_every_panel_shows_a_real_run(prometheus: Prometheus, tenant: Tenant, small: dict[str, Any]) -> None:
    """A run with a budget and checkpoints that has lost a pod and recovered: nothing is empty but what has a reason here."""
    run = tenant.apply(small, checkpoint={"everySteps": 20}, budget={"usd": 100, "usdPerWorkerHour": 0.40})
    run.wait_for_checkpoint(20)
    tenant.kubectl("delete", "pod", f"{run.name}-1-1", "--wait=false")
    run.wait_for_event("Recovered")
    asked = {name: _of(run, expr) for name, expr in QUERIES.items()}
    left = _empty(prometheus, asked)
    assert left == set(NOT_HERE), run.said()
    ours = [series.labels for name, expr in asked.items() if "$run" in QUERIES[name] for series in prometheus.query(expr)]
    assert {(labels["namespace"], labels["run"]) for labels in ours} == {(tenant.namespace, run.name)}


def _of(run: Applied, expr: str) -> str:
    """A panel's query as Grafana asks it when this run is chosen."""
    for variable, value in {"$namespace": run.tenant.namespace, "$run": run.name, "$__rate_interval": "5m", "$__range": "30m"}.items():
        expr = expr.replace(variable, value)
    return expr


def _empty(prometheus: Prometheus, asked: Mapping[str, str]) -> set[str]:
    """The panels that stay empty though they are looked at for a while: those that have a reason are not waited for."""
    left, deadline = set(asked), time.monotonic() + _PATIENCE_S
    while left - set(NOT_HERE) and time.monotonic() < deadline:
        left -= {name for name in left if prometheus.query(asked[name])}
        time.sleep(1)
    return left


@contextmanager
def _forwarded(cluster: AnyCluster, what: str, port: int) -> Generator[str]:
    """`kubectl port-forward` to something that is installed, within it: the address here.

    It ends with the container that it leads to, such as an operator that stood still until it had lost its Lease, and is started anew.
    """
    here, over = free_port(), threading.Event()
    command = [cluster.kubectl_program, f"--kubeconfig={cluster.kubeconfig}", "-n", RELEASE, "port-forward", what, f"{here}:{port}"]

    def forward() -> None:
        while not over.is_set():
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
                while process.poll() is None and not over.wait(_PAUSE_S):
                    pass
                process.terminate()
            over.wait(_PAUSE_S)

    thread = threading.Thread(target=forward)
    thread.start()
    try:
        cluster.wait_until(f"{what} to be reached", lambda: _answers(here))
        yield f"127.0.0.1:{here}"
    finally:
        over.set()
        thread.join()


def _answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
