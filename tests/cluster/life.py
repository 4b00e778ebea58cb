"""A cluster comes up, and goes without leaving anything: no process, namespace, route, mount or cgroup."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.control import plane
from tests.cluster.control.fake_nodes import start_fake_nodes
from tests.cluster.control.karpenter import start_karpenter
from tests.cluster.images.seed import seeded
from tests.cluster.machine import cgroups, network, processes
from tests.cluster.node import power
from tests.cluster.node.node import Node, every
from tests.cluster.programs import Programs
from tests.cluster.site import ClusterError, Site
from tests.parts.kube import PAUSE_ARCHIVE

_OWNER = "owner.json"


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
    if is_up(site):
        msg = f"cluster {site.number} is up: stop it (`python -m tests.cluster down`) or choose another number (TANDEM_CLUSTER)"
        raise ClusterError(msg)
    down(site)
    site.images.mkdir(parents=True)
    if wanted.owner:
        (site.run / _OWNER).write_text(json.dumps([wanted.owner, processes.started(wanted.owner)]))
    give_image(site, programs.kube / PAUSE_ARCHIVE)
    network.add_bridge(site)
    plane.start(site, programs, node_grace_s=wanted.node_grace_s)
    started = [power.switch_on(node, programs.kube) for node in every(site)[: wanted.nodes]]
    if started:
        plane.start_services(site, programs)
    if wanted.fake_nodes or wanted.karpenter:
        start_fake_nodes(site, programs, wanted.fake_nodes)
    if wanted.karpenter:
        start_karpenter(site, programs)
    for each in started:
        power.wait_ready(each)


def is_up(site: Site) -> bool:
    """Whether it runs, and for somebody: not for a test run that is gone."""
    if not processes.running(site, "etcd"):
        return False
    owner = site.run / _OWNER
    if not owner.exists():
        return True
    pid, since = json.loads(owner.read_text())
    return processes.started(pid) == since


def is_owned(site: Site) -> bool:
    """Whether a test run started it, and not a person."""
    return (site.run / _OWNER).exists()


def down(site: Site) -> None:
    """Stop all of it, and what was left of it."""
    for node in network.present(site):
        power.power_cut(node)
    for file in sorted(site.pids.glob("*"), reverse=True):
        processes.kill(site, file.name)
    processes.wait("the cluster's processes to end", lambda: cgroups.emptied(site))
    network.remove_bridge(site)
    shutil.rmtree(site.run, ignore_errors=True)


def give_image(site: Site, archive: Path) -> None:
    """Add an image to those that nodes take when they start."""
    found = seeded(site.home, archive)
    names = [file.name for file in site.images.glob("*.json")]
    if not any(name.endswith(f"-{found.key}.json") for name in names):
        found.write(site.images / f"{len(names):03}-{found.key}.json")


def load_image(site: Site, archive: Path) -> None:
    """The same, and nodes that are on take it now."""
    give_image(site, archive)
    for node in network.present(site):
        power.take_images(node)


def nodes_on(site: Site) -> list[Node]:
    return network.present(site)


def default_number() -> int:
    """The cluster that is meant when no number is given."""
    return int(os.environ.get("TANDEM_CLUSTER", "0"))
