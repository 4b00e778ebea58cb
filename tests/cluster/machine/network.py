"""The cluster's network: a bridge in the control plane's namespace, and a cable from it to every node and to this machine."""

from pathlib import Path

from tests.cluster.machine.processes import sh
from tests.cluster.node.node import Node, every
from tests.cluster.site import Site

_NAMESPACES = Path("/run/netns")
_DISABLED, _FORWARDING = 0, 3  # states of a bridge's port (linux/if_bridge.h)


def add_bridge(site: Site) -> None:
    """The bridge and this machine's cable to it, with routes to all nodes that may come."""
    inside = ["-n", site.control]
    sh("ip", "netns", "add", site.control)
    sh("ip", *inside, "link", "set", "lo", "up")
    sh("ip", *inside, "link", "add", site.name, "address", site.mac, "type", "bridge")
    sh("ip", *inside, "address", "add", f"{site.host}/24", "dev", site.name)
    sh("ip", *inside, "link", "set", site.name, "up")
    sh("ip", "link", "add", site.name, "type", "veth", "peer", "name", f"{site.name}-tests", "netns", site.control)
    sh("ip", *inside, "link", "set", f"{site.name}-tests", "master", site.name, "up")
    sh("ip", "address", "add", f"{site.tests}/24", "dev", site.name)
    sh("ip", "link", "set", site.name, "up")
    for namespace in ([], inside):
        sh("ip", *namespace, "route", "add", site.services, "via", every(site)[0].ip)  # the first node's kube-proxy serves both
        _route_to_pods(site, *namespace)


def remove_bridge(site: Site) -> None:
    sh("ip", "link", "delete", site.name, quiet=True)
    sh("ip", "netns", "delete", site.control, quiet=True)


def present(site: Site) -> list[Node]:
    """The nodes that are plugged in."""
    return [node for node in every(site) if (_NAMESPACES / node.link).exists()]


def plug(node: Node) -> None:
    """A namespace for the node, and a cable from it to the bridge."""
    inside = ["-n", node.link]
    far_end = ["peer", "name", "eth0", "address", node.mac, "netns", node.link]
    sh("ip", "netns", "add", node.link)
    sh("ip", "-n", node.site.control, "link", "add", node.link, "type", "veth", *far_end)
    sh("ip", "-n", node.site.control, "link", "set", node.link, "master", node.site.name, "up")
    sh("ip", *inside, "link", "set", "lo", "up")
    sh("ip", *inside, "link", "set", "eth0", "up")
    sh("ip", *inside, "address", "add", f"{node.ip}/24", "dev", "eth0")
    sh("ip", *inside, "route", "add", node.site.services, "dev", "eth0")  # kube-proxy rewrites them before they would leave
    _route_to_pods(node.site, *inside, but=node)


def silence(node: Node) -> None:
    """Let nothing more out of the node: no FIN, no RST, as when its power fails."""
    sh("ip", "-n", node.site.control, "link", "set", node.link, "down", quiet=True)


def unplug(node: Node) -> None:
    for command in (["-n", node.site.control, "link"], ["netns"]):
        sh("ip", *command, "delete", node.link, quiet=True)


def cut(node: Node) -> None:
    """Drop all that passes between the node and the rest. Its cable keeps its carrier, so nothing on the node can tell why."""
    _set_port(node, _DISABLED)


def mend(node: Node) -> None:
    _set_port(node, _FORWARDING)


def _set_port(node: Node, state: int) -> None:
    sh("bridge", "-n", node.site.control, "link", "set", "dev", node.link, "state", state)


def _route_to_pods(site: Site, *namespace: str, but: Node | None = None) -> None:
    """Every machine knows where every node's pods are, whether that node exists yet or not."""
    for node in every(site):
        if node != but:
            sh("ip", *namespace, "route", "add", node.pods, "via", node.ip)
