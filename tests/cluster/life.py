"""A cluster comes up, and goes without leaving anything: no process, namespace, route, mount or cgroup."""

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.control import plane
from tests.cluster.control.fake_nodes import add_fake_nodes
from tests.cluster.control.karpenter import start_karpenter
from tests.cluster.images.seed import record_of
from tests.cluster.machine import cgroups, network, processes
from tests.cluster.node import power
from tests.cluster.node.node import every
from tests.cluster.programs import Programs
from tests.cluster.site import ClusterError, Site
from tests.parts.kube import PAUSE_ARCHIVE

_OWNER = "owner.json"
_LINES = 4  # of each log, when something goes wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What kind of cluster."""

    nodes: int = 2  # with none there is no DNS, no MinIO and no volumes either: only the API
    fake_nodes: int = 0
    karpenter: bool = False
    node_grace_s: int = 20  # silence until a node is not ready (Kubernetes: 50)
    owner: int | None = None  # the process that it shall not outlive for long


def up(site: Site, wanted: Wanted, programs: Programs) -> None:
    """Start a cluster and wait for its nodes. What a dead owner left behind is cleared away first.

    Raises:
        ClusterError: If one of this number is up.
    """
    with _alone(site):
        if is_up(site):
            msg = f"cluster {site.number} is up: stop it (`python -m tests.cluster down`) or choose another number (TANDEM_CLUSTER)"
            raise ClusterError(msg)
        _clear(site)
        try:
            _start(site, wanted, programs)
        except ClusterError as error:
            msg = f"{error}\n{_last_words(site)}"
            raise ClusterError(msg) from error


def _start(site: Site, wanted: Wanted, programs: Programs) -> None:
    site.images.mkdir(parents=True)
    if wanted.owner:
        (site.run / _OWNER).write_text(json.dumps([wanted.owner, processes.started(wanted.owner)]))
        processes.detached(sys.executable, "-m", "tests.cluster.warden", site.number, wanted.owner)
    for archive in (programs.kube / PAUSE_ARCHIVE, programs.base_image):
        give_image(site, archive)
    network.add_bridge(site)
    plane.start(site, programs, node_grace_s=wanted.node_grace_s)
    started = [power.switch_on(node, programs.kube) for node in every(site)[: wanted.nodes]]
    if started:
        plane.start_services(site, programs)
    if wanted.fake_nodes or wanted.karpenter:
        add_fake_nodes(site, programs, wanted.fake_nodes)
    if wanted.karpenter:
        start_karpenter(site, programs)
    for each in started:
        power.wait_ready(each)


def _last_words(site: Site) -> str:
    """The ends of all logs."""
    return "\n".join(f"{log.name}: {line}" for log in sorted(site.log.glob("*")) for line in log.read_text().splitlines()[-_LINES:])


def is_up(site: Site) -> bool:
    """Whether it runs, and for somebody: not for a test run that is gone."""
    return bool(processes.running(site, "etcd")) and not abandoned(site)


def is_owned(site: Site) -> bool:
    """Whether a test run started it, and not a person."""
    return (site.run / _OWNER).exists()


def abandoned(site: Site) -> bool:
    """Whether a test run started it, and has ended without stopping it."""
    try:
        pid, since = json.loads((site.run / _OWNER).read_text())
    except FileNotFoundError:
        return False
    return processes.started(pid) != since


def down(site: Site) -> None:
    """Stop all of it, and what was left of it."""
    with _alone(site):
        _clear(site)


def clear_abandoned(site: Site) -> None:
    """The same, if nobody is there to do it."""
    with _alone(site):
        if abandoned(site):
            _clear(site)


def _clear(site: Site) -> None:
    for node in network.present(site):
        power.power_cut(node)
    for file in sorted(site.pids.glob("*"), reverse=True):
        processes.kill(site, file.name)
    processes.wait("the cluster's processes to end", lambda: cgroups.emptied(site))
    network.remove_bridge(site)
    shutil.rmtree(site.run, ignore_errors=True)


@contextmanager
def _alone(site: Site) -> Generator[None]:
    """One at a time brings a cluster up or down."""
    site.home.mkdir(parents=True, exist_ok=True)
    with (site.home / f"{site.number}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def give_image(site: Site, image: Path) -> None:
    """Add an image to those that nodes take when they start: an archive, or what `tests/parts/images.py` built."""
    record = record_of(site.home, image)
    there = sorted(site.images.glob("*.json"))
    if not there or not there[-1].name.endswith(f"-{record.key}.json"):
        record.write(site.images / f"{len(there):03}-{record.key}.json")


def load_image(site: Site, image: Path) -> None:
    """The same, and nodes that are on take it now."""
    give_image(site, image)
    with ThreadPoolExecutor() as threads:
        list(threads.map(power.take_images, network.present(site)))


def default_number() -> int:
    """The cluster that is meant when no number is given."""
    return int(os.environ.get("TANDEM_CLUSTER", "0"))
