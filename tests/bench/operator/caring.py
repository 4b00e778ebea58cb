"""What it costs to care for runs that run: memory, processor time while they report, writes; how new what is shown of them is."""

import asyncio
import os
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.operator.load import Load, run
from tests.bench.operator.process import Operator, operating
from tests.bench.operator.speaking import REPORT_EVERY_S, Speaking, reporting
from tests.cluster.cluster import Cluster
from tests.parts.running import free_port, running

_NAMESPACE = "many"
_GROUP = "/apis/tandem.dev/v1alpha1"
_RUNS = f"{_GROUP}/namespaces/{_NAMESPACE}/trainingruns"
_SHOWN = 100  # runs whose changes are timed
_PROMISED = 1000  # runs
_MIB = 1 << 20
_WRITES = "tandem_operator_writes_total"
Say = Callable[[dict[str, Any]], None]


def caring(cluster: Cluster, folder: Path, runs: int, idle_s: int, say: Say) -> None:
    """Measure an operator with that many running runs, each of which reports every ten seconds."""
    with sink(folder) as (address, token), operating(cluster.kubeconfig, folder, telemetry(address, token)) as operator:
        load = asyncio.run(_running(cluster, runs))
        say_writes("writes_until_running", operator.figures(_WRITES), runs, say)
        say(
            {
                "metric": "operator_resident_memory",
                "runs": runs,
                "value": round(operator.resident_bytes / _MIB),
                "unit": "MiB",
                "ceiling": 150,
            }
        )
        with reporting(address, token, uids(cluster), _NAMESPACE) as said:
            time.sleep(REPORT_EVERY_S * 2)
            idle(operator, runs, idle_s, say)
            age(cluster, said, runs, say)
            shown(cluster, say)
        say_writes("writes_in_all", operator.figures(_WRITES), runs, say)
        say({"metric": "operator_restarts", "runs": runs, "value": operator.restarts, "unit": "restarts", "ceiling": 0})
        del load


def idle(operator: Operator, runs: int, idle_s: int, say: Say) -> None:
    """Nothing happens but reports."""
    cpu, written = operator.cpu_s, operator.figure(_WRITES, kind="status")
    time.sleep(idle_s)
    used, written = operator.cpu_s - cpu, operator.figure(_WRITES, kind="status") - written
    share = used / idle_s
    promised = {"ceiling": 0.03} if runs == _PROMISED else {}  # fewer may cost more each, and more have more
    say({"metric": "operator_cpu_while_runs_report", "runs": runs, "value": round(share, 4), "unit": "cores", **promised})
    reports = runs * idle_s / REPORT_EVERY_S
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


def say_writes(metric: str, written: dict[tuple[str, ...], float], runs: int, say: Say) -> None:
    """How often the operator has written what, for each run."""
    kinds = {kind: round(count / runs, 2) for (kind,), count in sorted(written.items())}
    say({"metric": metric, "runs": runs, "value": round(sum(written.values()) / runs, 2), "unit": "writes/run", "of": kinds})


def age(cluster: Cluster, said: Speaking, runs: int, say: Say) -> None:
    """How old is what the status of each run says of its progress? And since when is a checkpoint known that no status shows?"""
    ages, unshown = list[float](), [0.0]
    for each in cluster.get(_RUNS)["items"]:
        name, status = each["metadata"]["name"], each.get("status", {})
        ages.append(said.age_s(name, status.get("step", 0)) or float("inf"))
        step, at = said.saved_at.get(name, (0, 0.0))
        if status.get("checkpoint", {}).get("step", 0) < step:
            unshown.append(time.monotonic() - at)
    middle, last = statistics.median(ages), sorted(ages)[int(0.99 * len(ages)) - 1]
    say({"metric": "age_of_progress_shown", "runs": runs, "p50": round(middle, 1), "value": round(last, 1), "unit": "s", "quantile": 0.99})
    say({"metric": "longest_age_of_an_unshown_checkpoint", "runs": runs, "value": round(max(unshown), 1), "unit": "s"})


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
    return {each["metadata"]["name"]: each["metadata"]["uid"] for each in cluster.get(_RUNS)["items"]}


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
