"""A node is switched on, gets ready, and loses its power."""

import json
import sys
import urllib.error
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.control import api
from tests.cluster.machine import cgroups, network, processes
from tests.cluster.node import settings
from tests.cluster.node.images import adopt_all
from tests.cluster.node.node import Node
from tests.cluster.site import ClusterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A node that was switched on, and when."""

    node: Node
    at: datetime
    new: bool  # nothing that the API says of it can be older than that


def switch_on(node: Node, kube: Path) -> Started:
    """Plug it in and start it: a new one, or with the disk it had."""
    if node in network.present(node.site):
        msg = f"{node.name} is on"
        raise ClusterError(msg)
    started = Started(node=node, at=datetime.now(UTC), new=not node.folder.exists())
    network.plug(node)
    settings.write(node)
    cgroups.made(node.site, node.name)
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--mount-proc"]
    program = [sys.executable, "-m", "tests.cluster.node.pid_1", node.site.number, node.name, kube]
    processes.spawn(node.site, node.name, f"{node.name}/system", "nsenter", f"--net=/run/netns/{node.link}", *apart, *program)
    return started


def wait_ready(started: Started) -> None:
    """Return when the node's kubelet, this one and not the one before, has said that it is ready."""
    processes.wait(f"{started.node.name} to be ready", lambda: _ready(started))
    set_resources(started.node, {})


def _ready(started: Started) -> bool:
    try:
        found = api.call(started.node.site, "GET", f"/api/v1/nodes/{started.node.name}")
    except urllib.error.HTTPError:
        return False
    ready = {each["type"]: each for each in found["status"].get("conditions", [])}.get("Ready", {})
    if ready.get("status") != "True":
        return False
    heartbeat = datetime.fromisoformat(ready["lastHeartbeatTime"])  # of whole seconds: in the same second it may be the old one's
    return started.new or heartbeat > started.at


def power_cut(node: Node) -> None:
    """First the cable, so that no FIN or RST gets out; then every process at once."""
    network.silence(node)
    processes.kill(node.site, node.name)
    processes.wait(f"the processes of {node.name} to end", lambda: cgroups.emptied(node.site, node.name))
    network.unplug(node)


def take_images(node: Node) -> None:
    """Let a node that is on have what the cluster was given since."""
    adopt_all(node, Path(f"/proc/{_pid_1(node)}/root") / settings.SOCKET.relative_to("/"))


def set_resources(node: Node, more: dict[str, str]) -> None:
    """Give it extended resources without a device plugin, now and (kubelet forgets them) after each start."""
    file = node.folder / "resources.json"
    resources: dict[str, Any] = {**(json.loads(file.read_text()) if file.exists() else {}), **more}
    file.write_text(json.dumps(resources))
    if resources:
        status = {"status": {"capacity": resources, "allocatable": resources}}
        api.call(node.site, "PATCH", f"/api/v1/nodes/{node.name}/status", status, "application/merge-patch+json")


def _pid_1(node: Node) -> int:
    """As this machine numbers it: the only child of the `unshare` that was spawned."""
    parent = processes.running(node.site, node.name)
    return int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])
