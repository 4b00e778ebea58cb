"""Which images a node has, and how it comes by those it lacks."""

from pathlib import Path

from tests.cluster.images import record
from tests.cluster.images.adoption import adopt
from tests.cluster.images.store import Store
from tests.cluster.node.node import Node


def adopt_all(node: Node, socket: Path) -> None:
    """Take from the seed all that the cluster was given and the node does not have yet, in the order it was given."""
    store = Store(root=node.disk / "lib/containerd", socket=socket)
    taken = node.folder / "images"
    taken.mkdir(exist_ok=True)
    for file in sorted(node.site.images.glob("*.json")):
        if not (taken / file.name).exists():
            adopt(store, record.read(file))
            (taken / file.name).touch()
