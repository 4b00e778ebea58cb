"""How long after the notice of a spot machine does the next attempt train, beyond the bare start of its pod?

A real cluster of two nodes, the real trainer. `value` is the time from the notice to the first step of the next attempt, less the time
from the making of that attempt's last pod to its first step: what is left is all that Tandem adds (to see the notice, to agree, to save,
to upload, to leave, to plan, to write, to start). Prints a JSON line for each round, which says when what had happened, in seconds from
the notice, and one for all. A cluster that was brought up by hand under TANDEM_CLUSTER is used, and left up.

    python -m tests.bench.resume [--rounds 3]
"""

import argparse
import json
import os
import re
import statistics
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.cluster import life
from tests.cluster.cluster import Cluster
from tests.cluster.life import Wanted
from tests.cluster.programs import obtained
from tests.cluster.site import Site
from tests.e2e.cluster.installation import SMALL, Applied, Installation, load_images
from tests.parts.kubernetes_tools import HELM
from tests.parts.part import obtain

Moments = Mapping[str, float]  # seconds from the notice
_METRICS = "/api/v1/namespaces/tandem/services/tandem-telemetry:9090/proxy/metrics"
_CEILING_S = 5
_TAKEN = "node2"  # operator and telemetry are on the other


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with _cluster() as cluster:
        load_images(cluster, print)
        installation = Installation(cluster=cluster, helm=obtain(HELM, os.environ, print), bucket=cluster.new_bucket())
        installation.install()
        rounds = [_round(installation) for _ in range(asked.rounds)]
    added, whole = [statistics.median(moments[name] for moments in rounds) for name in ("made", "first_step")]
    line = {"metric": "notice_to_next_step_beyond_a_bare_start", "value": round(added, 1), "unit": "s", "ceiling": _CEILING_S}
    print(json.dumps({**line, "ratio": round(added / _CEILING_S, 2), "whole": round(whole, 1), "rounds": asked.rounds}), flush=True)


@contextmanager
def _cluster() -> Generator[Cluster]:
    site, programs = Site.numbered(life.default_number()), obtained(print)
    if life.is_up(site) and not life.is_owned(site):
        yield Cluster.running(site, programs)
        return
    life.up(site, Wanted(owner=os.getpid()), programs)
    try:
        yield Cluster.running(site, programs)
    finally:
        life.down(site)


def _round(installation: Installation) -> Moments:
    """A run whose machine is taken away, measured and printed."""
    run = installation.tenant("bench").apply(
        SMALL, checkpoint={"everySteps": 100, "keepLast": 1000}
    )  # none is swept before it is looked at
    run.wait_for_checkpoint(100)
    noticed = datetime.now(UTC)
    installation.cluster.node_notice(_TAKEN)
    run.wait("the next attempt", lambda run: run.status["attempt"] == 2 and "fellAt" not in run.status)
    run.wait_for_event("Recovered")
    moments = {name: (at - noticed).total_seconds() for name, at in _happened(installation, run).items()}
    installation.cluster.node_untaint(_TAKEN)
    run.tenant.kubectl("delete", "trainingrun", run.name)
    print(json.dumps({"metric": "resume_moments", "unit": "s"} | {name: round(at_s, 2) for name, at_s in moments.items()}), flush=True)
    return moments


def _happened(installation: Installation, run: Applied) -> Mapping[str, datetime]:
    """When the notice was seen, the checkpoint was written, all pods were gone, those of the next attempt were made, and it had trained."""
    told = _told(run, run.name)
    return {
        "seen": told["Interrupted"],
        "saved": _saved(run),
        "gone": told["Restarting"],
        "made": max(_told(run, pod["metadata"]["name"])["Scheduled"] for pod in run.pods if _is_second(pod)),
        "up": told["Running"],
        "first_step": _first_step(installation, run),
    }


def _told(run: Applied, name: str) -> Mapping[str, datetime]:
    """When each kind of event of an object was told last; the moment that a pod was made is kept in whole seconds only."""
    found = json.loads(run.tenant.kubectl("get", "events.events.k8s.io", f"--field-selector=regarding.name={name}", "-o", "json"))
    times = [(datetime.fromisoformat(each["eventTime"]), each["reason"]) for each in found["items"] if each.get("eventTime")]
    return {reason: at for at, reason in sorted(times)}


def _is_second(pod: Mapping[str, Mapping[str, Mapping[str, str]]]) -> bool:
    return pod["metadata"]["labels"]["tandem.dev/attempt"] == "2"


def _saved(run: Applied) -> datetime:
    """When the last manifest of the first attempt was written, as the store has it."""
    ours = run.tenant.installation
    listed = ours.cluster.minio.client.list_objects(ours.bucket, prefix=f"{run.place}/manifests/000001-", recursive=True)
    return max(each.last_modified for each in listed if each.last_modified)


def _first_step(installation: Installation, run: Applied) -> datetime:
    """When the first step of the newest attempt ended, as telemetry has it."""
    text = installation.cluster.kubectl("get", "--raw", _METRICS)
    series = rf'tandem_first_step_timestamp_seconds{{namespace="{run.tenant.namespace}",run="{run.name}"}} ([0-9.e+]+)'
    found = re.search(series, text)
    assert found
    return datetime.fromtimestamp(float(found[1]), UTC)


if __name__ == "__main__":
    main()
