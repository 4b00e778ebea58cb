"""Which images a node has, and how it comes by those it lacks."""

from pathlib import Path

from tests.cluster.images.adoption import give_layers, tell
from tests.cluster.images.store import Store
from tests.cluster.node.node import Node
from tests.parts.image_record import Record


def adopt_all(node: Node, socket: Path) -> None:
    """Tell the node's containerd of all images that the cluster was given, in that order; they are new to it, or forgotten."""
    store = Store(root=node.disk / "lib/containerd", socket=socket)
    records = {file.name: Record.read(file) for file in sorted(node.site.images.glob("*.json"))}
    named = {name: record for record in records.values() for name in record.names}  # of two with one name, the later has it
    tell(store, named)
    taken = node.folder / "images"
    taken.mkdir(exist_ok=True)
    for file, record in records.items():
        if record in named.values() and not (taken / file).exists():
            give_layers(store, record)
            (taken / file).touch()
