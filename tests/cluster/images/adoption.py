"""A node takes an image from the seed: its blobs by hard link, its unpacked layers by symbolic link. Nothing is copied."""

import io
import json
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.cluster.images.record import Blob, Record
from tests.cluster.images.store import Store, snapshots_in

_LAYOUT = {"imageLayoutVersion": "1.0.0"}


def adopt(store: Store, record: Record) -> None:
    """Make the image known to the node's containerd, as if it had been imported and unpacked there."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
        _write_without_layers(record, Path(archive.name))
        store.ctr("images", "import", "--no-unpack", archive.name)
    for blob in record.packed:
        _link_blob(store, record, blob)
    below: list[str] = []
    for layer in record.layers:
        if not store.has_snapshot(layer.chain):
            _link_layer(store, layer.chain, Path(layer.folder), below)
        below = [layer.chain]
    store.ctr("content", "label", record.config.digest, f"containerd.io/gc.ref.snapshot.overlayfs={record.layers[-1].chain}")


def _link_blob(store: Store, record: Record, blob: Blob) -> None:
    """Let containerd find the file in place: it reads nothing of it, and only notes down that it is wanted here."""
    with suppress(FileExistsError):
        os.link(record.blob(blob), store.blobs / blob.hex)
    expected = [f"--expected-size={blob.size_bytes}", f"--expected-digest={blob.digest}"]
    store.ctr("content", "ingest", *expected, f"adopt-{blob.hex}", stdin=record.blob(blob))


def _link_layer(store: Store, chain: str, folder: Path, below: list[str]) -> None:
    """A snapshot begun like any other; then the seed's folder takes its folder's place."""
    key = f"adopt-{chain}"
    number = snapshots_in(store.ctr("snapshots", "prepare", "--mounts", key, *below))[0]
    ours = store.snapshot(number)
    shutil.rmtree(ours)
    ours.symlink_to(folder)
    store.ctr("snapshots", "commit", chain, key)


def _write_without_layers(record: Record, archive: Path) -> None:
    """An OCI archive of all that is small."""
    described = {"mediaType": record.manifest.media_type, "digest": record.manifest.digest, "size": record.manifest.size_bytes}
    named = [{**described, "annotations": {"io.containerd.image.name": name}} for name in record.names]
    index = {"schemaVersion": 2, "manifests": named}
    with tarfile.open(archive, "w") as tar:
        for name, value in (("oci-layout", _LAYOUT), ("index.json", index)):
            _add(tar, name, json.dumps(value).encode())
        for blob in (record.manifest, record.config):
            _add(tar, f"blobs/sha256/{blob.hex}", record.blob(blob).read_bytes())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
