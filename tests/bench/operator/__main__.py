"""How the operator scales: pods made as fast as the built-in Job controller makes them, and what it costs to care for many runs.

A real API server, scheduler and controllers; the pods are on nodes that run nothing (kwok). Peer and ours run one after the other on
the same cluster, made by the same client. Prints JSON lines.

    python -m tests.bench.operator [--runs 1000] [--rounds 1] [--idle-s 60]
    python -m tests.bench.operator --churn-minutes 30 [--churn-a-second 1]
"""

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.operator.caring import caring
from tests.bench.operator.churn import churn
from tests.bench.operator.coming import Pace
from tests.bench.operator.load import until_pods
from tests.bench.operator.process import cluster_cpu_s, operating
from tests.cluster import life
from tests.cluster.cluster import Cluster
from tests.cluster.life import Wanted
from tests.cluster.programs import obtained
from tests.cluster.site import Site

_NUMBER = 0
_PODS_A_NODE = 100
_ROOT = Path(__file__).parents[3]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--idle-s", type=int, default=60)
    parser.add_argument("--churn-minutes", type=float, default=0, help="instead of all else: does the operator grow?")
    parser.add_argument("--churn-a-second", type=float, default=1)
    asked = parser.parse_args()
    site = Site.numbered(int(os.environ.get("TANDEM_CLUSTER", _NUMBER)))
    programs = obtained(print, kwok=True)
    life.up(site, Wanted(nodes=0, fake_nodes=asked.runs // _PODS_A_NODE + 2, owner=os.getpid()), programs)
    try:
        cluster = Cluster.running(site, programs)
        cluster.kubectl("apply", "--server-side", "-f", _ROOT / "charts/tandem/crds")
        with tempfile.TemporaryDirectory() as folder:
            if asked.churn_minutes:
                churn(cluster, Path(folder), asked.churn_minutes * 60, Pace(a_second=asked.churn_a_second), say)
                return
            for round_ in range(asked.rounds):
                starting(site, cluster, Path(folder), asked.runs, round_)
            caring(cluster, Path(folder), asked.runs, asked.idle_s, say)
    finally:
        life.down(site)


def starting(site: Site, cluster: Cluster, folder: Path, runs: int, round_: int) -> None:
    """Time until all pods exist, and processor time of everything that took part but the one who asks: Jobs, then runs."""
    peer = asyncio.run(until_pods(cluster.kubeconfig, f"jobs-{round_}", "job", runs, lambda: (cluster_cpu_s(site), 0.0)))
    with operating(cluster.kubeconfig, folder) as operator:
        spent = asyncio.run(until_pods(cluster.kubeconfig, f"runs-{round_}", "run", runs, lambda: (cluster_cpu_s(site), operator.cpu_s)))
    _compared("seconds_until_all_pods", runs, spent.took_s, peer.took_s, "s")
    _compared("cpu_until_all_pods", runs, sum(spent.cpu_s) / runs * 1000, sum(peer.cpu_s) / runs * 1000, "ms/run")
    line = {"metric": "operator_cpu_until_all_pods", "runs": runs, "value": round(spent.cpu_s[1] / runs * 1000, 2), "unit": "ms/run"}
    say({**line, "operator_restarts": operator.restarts})


def _compared(metric: str, runs: int, ours: float, peers: float, unit: str) -> None:
    line = {"metric": metric, "runs": runs, "value": round(ours, 1), "unit": unit, "peer": round(peers, 1)}
    say({**line, "ratio": round(ours / peers, 3), "ceiling": 1.25})


def say(line: dict[str, Any]) -> None:
    """One line of JSON."""
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
