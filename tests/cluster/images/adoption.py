"""A node takes images: it is told their documents, and given their unpacked layers by symbolic link. Nothing is copied.

It never has the packed layers, which only matter to who would unpack or pass them on. containerd forgets about such
images when it starts (it checks that all is there), so they are told to it again then.
"""

import io
import json
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.images.store import Store, snapshots_in
from tests.parts.image_record import Layer, Record, digest_of

_LAYOUT = {"imageLayoutVersion": "1.0.0"}
_KEEP = "containerd.io/gc.ref.snapshot.overlayfs"  # the label by which a document keeps a snapshot from garbage collection


def tell(store: Store, named: Mapping[str, Record]) -> None:
    """Let these names stand for these images."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        _write_documents(named, Path(archive.name))
        store.ctr("images", "import", "--no-unpack", archive.name)


def give_layers(store: Store, record: Record) -> None:
    """Let an image that was told be as if it were unpacked."""
    below: list[str] = []
    for layer in record.layers:
        if not store.has_snapshot(layer.chain):
            _link(store, layer, below)
        below = [layer.chain]
    store.ctr("content", "label", digest_of(record.config), f"{_KEEP}={record.layers[-1].chain}")


def _link(store: Store, layer: Layer, below: list[str]) -> None:
    """A snapshot begun like any other; then the layer's folder takes its folder's place."""
    key = f"adopt-{layer.chain}"
    number = snapshots_in(store.ctr("snapshots", "prepare", "--mounts", key, *below))[0]
    ours = store.snapshot(number)
    ours.rmdir()
    ours.symlink_to(layer.folder)
    store.ctr("snapshots", "commit", layer.chain, key)


def _write_documents(named: Mapping[str, Record], archive: Path) -> None:
    """An OCI archive of everything but the layers."""
    manifests = [{**record.descriptor, "annotations": {"io.containerd.image.name": name}} for name, record in named.items()]
    index = {"schemaVersion": 2, "manifests": manifests}
    files = {f"blobs/sha256/{digest_of(text)[7:]}": text for record in named.values() for text in (record.manifest, record.config)}
    with tarfile.open(archive, "w") as tar:
        for name, text in {"oci-layout": json.dumps(_LAYOUT), "index.json": json.dumps(index), **files}.items():
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
