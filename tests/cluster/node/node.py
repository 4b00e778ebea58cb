"""What a node is called and where it is; it may or may not exist."""

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.site import NODES, ClusterError, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Number 1 .. 16 of a cluster."""

    site: Site
    number: int

    @property
    def name(self) -> str:
        return f"node{self.number}"

    @property
    def link(self) -> str:
        """The bridge's end of the node's cable, and also its network namespace."""
        return f"{self.site.name}-{self.name}"

    @property
    def ip(self) -> str:
        return f"172.30.{self.site.number}.{10 + self.number}"

    @property
    def mac(self) -> str:
        """The same after each start, or the others would send to the old one until they have forgotten it (36 s)."""
        return f"0a:00:ac:1e:{self.site.number:02x}:{self.number:02x}"

    @property
    def pods(self) -> str:
        return f"10.{200 + self.site.number}.{self.number}.0/24"

    @property
    def folder(self) -> Path:
        return self.site.run / self.name

    @property
    def disk(self) -> Path:
        """Its /var, which outlives a power cut."""
        return self.folder / "var"


def every(site: Site) -> list[Node]:
    """All that a cluster may have."""
    return [Node(site=site, number=number) for number in range(1, NODES + 1)]


def named(site: Site, name: str) -> Node:
    """The node of that name.

    Raises:
        ClusterError: If no node can have it.
    """
    for node in every(site):
        if node.name == name:
            return node
    msg = f"no such node: {name} (node1 .. node{NODES})"
    raise ClusterError(msg)
