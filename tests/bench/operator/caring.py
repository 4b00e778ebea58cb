"""What it costs to care for runs that run: memory, processor time while they report, writes, and how soon a change is shown."""

import asyncio
import os
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.operator.load import Load, run
from tests.bench.operator.process import Operator, operating
from tests.cluster.cluster import Cluster
from tests.parts.running import free_port, running

_NAMESPACE = "many"
_GROUP = "/apis/tandem.dev/v1alpha1"
_REPORT_EVERY_S = 10
_SHOWN = 100  # runs whose changes are timed
_MIB = 1 << 20
Say = Callable[[dict[str, Any]], None]


def caring(cluster: Cluster, folder: Path, runs: int, idle_s: int, say: Say) -> None:
    """Measure an operator with that many running runs, each of which reports every ten seconds."""
    with sink(folder) as (address, token), operating(cluster.kubeconfig, folder, telemetry(address, token)) as operator:
        load = asyncio.run(_running(cluster, runs))
        written = operator.figure("tandem_operator_writes_total", kind="status")
        say({"metric": "status_writes_until_running", "runs": runs, "value": round(written / runs, 2), "unit": "writes/run"})
        say(
            {
                "metric": "operator_resident_memory",
                "runs": runs,
                "value": round(operator.resident_bytes / _MIB),
                "unit": "MiB",
                "ceiling": 150,
            }
        )
        with reporting(address, token, uids(cluster), _NAMESPACE):
            time.sleep(_REPORT_EVERY_S * 2)
            idle(operator, runs, idle_s, say)
            shown(cluster, say)
        say({"metric": "operator_restarts", "runs": runs, "value": operator.restarts, "unit": "restarts", "ceiling": 0})
        del load


def idle(operator: Operator, runs: int, idle_s: int, say: Say) -> None:
    """Nothing happens but reports."""
    cpu, written = operator.cpu_s, operator.figure("tandem_operator_writes_total", kind="status")
    time.sleep(idle_s)
    used, written = operator.cpu_s - cpu, operator.figure("tandem_operator_writes_total", kind="status") - written
    share = used / idle_s
    say({"metric": "operator_cpu_while_runs_report", "runs": runs, "value": round(share, 4), "unit": "cores", "ceiling": 0.03})
    reports = runs * idle_s / _REPORT_EVERY_S
    say({"metric": "status_writes_per_report", "runs": runs, "value": round(written / reports, 3), "unit": "writes/report"})
    say(
        {
            "metric": "operator_resident_memory_later",
            "runs": runs,
            "value": round(operator.resident_bytes / _MIB),
            "unit": "MiB",
            "ceiling": 150,
        }
    )


def shown(cluster: Cluster, say: Say) -> None:
    """A pod ends; how soon does its run say so?"""
    waits = sorted(_shown(cluster, number) for number in range(_SHOWN))
    p99 = waits[int(0.99 * len(waits)) - 1]
    line = {"metric": "status_shows_a_change", "p50": round(statistics.median(waits), 3), "value": round(p99, 3), "unit": "s"}
    say({**line, "quantile": 0.99, "ceiling": 1.0})


def _shown(cluster: Cluster, number: int) -> float:
    """Ask a run to rest, and wait until its status says that it does."""
    from tests.bench.operator.watching import suspended_after_s

    return asyncio.run(suspended_after_s(cluster.kubeconfig, _NAMESPACE, f"n{number}"))


async def _running(cluster: Cluster, runs: int) -> Load:
    load = await Load.begin(cluster.kubeconfig, _NAMESPACE)
    await load.create(_GROUP, run, runs)
    await load.until(runs, _GROUP, "trainingruns", lambda found: found.get("status", {}).get("phase") == "Running")
    return load


def uids(cluster: Cluster) -> dict[str, str]:
    """The uid of every run, by name."""
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in cluster.get("trainingruns", "-n", _NAMESPACE)["items"]}


def telemetry(address: str, token: Path) -> dict[str, str]:
    """What an operator must be told to hear that service."""
    return {"TANDEM_OPERATOR_TELEMETRY": address, "TANDEM_OPERATOR_TOKEN_FILE": str(token)}


@contextmanager
def sink(folder: Path, **more: str) -> Generator[tuple[str, Path]]:
    """A telemetry service of this machine, with more settings: its address, and the file with its token."""
    address, token, ready = f"127.0.0.1:{free_port()}", folder / "token", folder / "address.json"
    token.write_text(secrets.token_hex())
    settings = {"LISTEN": address, "TOKEN_FILE": str(token), "ADDRESS_FILE": str(ready), **more}
    environ = {**os.environ, **{f"TANDEM_TELEMETRY_{name}": value for name, value in settings.items()}}
    with running([sys.executable, "-m", "tandem_telemetry"], environ=environ, log=folder / "telemetry.log", ready=ready.exists):
        yield address, token


@contextmanager
def reporting(address: str, token: Path, known: Mapping[str, str], namespace: str) -> Generator[None]:
    """Within it every run of a namespace reports every ten seconds, evenly spread; `known` are their uids by name, and may change."""
    from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
    from tandem_rpc import channel

    over = threading.Event()
    with channel(address, token_file=token) as made:
        speaking = threading.Thread(target=lambda: TelemetryServiceStub(made).Report(_reports(known, namespace, over)), daemon=True)
        speaking.start()
        try:
            yield
        finally:
            over.set()
            speaking.join()


def _reports(known: Mapping[str, str], namespace: str, over: threading.Event) -> Iterator[Any]:
    from tandem.telemetry.v1.telemetry_pb2 import ReportRequest, WorkerReport

    began = time.monotonic()
    step = 0
    while not over.is_set():
        step += 1
        present = dict(known)
        for number, (name, uid) in enumerate(present.items()):
            report = WorkerReport(trainer="deepspeed", total_steps=1_000_000, step=step, loss=1 / step, tokens_per_second=1000.0)
            report.source.namespace, report.source.run, report.source.uid, report.source.attempt = namespace, name, uid, 1
            report.at.GetCurrentTime()
            yield ReportRequest(report=report)
            due = began + _REPORT_EVERY_S * (step - 1 + (number + 1) / len(present))
            if over.wait(max(0.0, due - time.monotonic())):
                return
        if not present:
            over.wait(began + _REPORT_EVERY_S * step - time.monotonic())
