"""How long after the notice of a spot machine does the next attempt train, beyond the bare start of its pod?

A real cluster of two nodes, the real trainer. `value` is the time from the notice to the first step of the next attempt, less the time
from the making of that attempt's pod to its first step: what is left is all that Tandem adds (to see the notice, to agree, to save,
to upload, to leave, to plan, to write, to start). Prints JSON lines.

    python -m tests.bench.resume [--rounds 3]
"""

import argparse
import json
import os
import re
import statistics
from datetime import UTC, datetime

from tests.cluster import life
from tests.cluster.cluster import Cluster
from tests.cluster.life import Wanted
from tests.cluster.programs import obtained
from tests.cluster.site import Site
from tests.e2e.cluster.installation import SMALL, Applied, Installation, load_images
from tests.parts.kubernetes_tools import HELM
from tests.parts.part import obtain

_METRICS = "/api/v1/namespaces/tandem/services/tandem-telemetry:9090/proxy/metrics"
_CEILING_S = 5


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    site, programs = Site.numbered(int(os.environ.get("TANDEM_CLUSTER", "0"))), obtained(print)
    life.up(site, Wanted(owner=os.getpid()), programs)
    try:
        cluster = Cluster.running(site, programs)
        load_images(cluster, print)
        installation = Installation(cluster=cluster, helm=obtain(HELM, os.environ, print), bucket=cluster.new_bucket())
        installation.install()
        rounds = [measured(installation) for _ in range(asked.rounds)]
    finally:
        life.down(site)
    added, whole = [statistics.median(column) for column in zip(*rounds, strict=True)]
    line = {"metric": "notice_to_next_step_beyond_a_bare_start", "value": round(added, 1), "unit": "s", "ceiling": _CEILING_S}
    print(json.dumps({**line, "ratio": round(added / _CEILING_S, 2), "whole": round(whole, 1), "rounds": asked.rounds}), flush=True)


def measured(installation: Installation) -> tuple[float, float]:
    """Seconds that Tandem adds, and seconds from the notice to the next step."""
    run = installation.tenant("bench").apply(SMALL)
    run.wait_for_checkpoint(100)
    installation.cluster.node_notice("node2")
    noticed = datetime.now(UTC)
    run.wait("the next attempt", lambda run: run.status["attempt"] == 2 and "fellAt" not in run.status)
    first_step, made = _first_step(installation, run), _made(run)
    installation.cluster.node_untaint("node2")
    run.tenant.kubectl("delete", "trainingrun", run.name)
    return (made - noticed).total_seconds(), (first_step - noticed).total_seconds()


def _made(run: Applied) -> datetime:
    """When the last pod of the second attempt was made."""
    second = [pod["metadata"] for pod in run.pods if pod["metadata"]["labels"]["tandem.dev/attempt"] == "2"]
    return max(datetime.fromisoformat(metadata["creationTimestamp"]) for metadata in second)


def _first_step(installation: Installation, run: Applied) -> datetime:
    """When the first step of the newest attempt ended, as telemetry has it."""
    text = installation.cluster.kubectl("get", "--raw", _METRICS)
    series = rf'tandem_first_step_timestamp_seconds{{namespace="{run.tenant.namespace}",run="{run.name}"}} ([0-9.e+]+)'
    found = re.search(series, text)
    assert found
    return datetime.fromtimestamp(float(found[1]), UTC)


if __name__ == "__main__":
    main()
