"""The seed: one containerd folder into which each image is imported and unpacked once, for all nodes of all clusters here.

A trainer's image has gigabytes. Nodes share its unpacked layers, which overlayfs only ever reads, and link its blobs.
"""

import fcntl
import hashlib
import itertools
import json
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.images import record
from tests.cluster.images.record import Blob, Layer, Record
from tests.cluster.images.store import Store, named_digests, serving, snapshots_in
from tests.cluster.site import ClusterError

_NAMESPACE = "seed"
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_KEPT = "seed.test/image:"  # the name under which the seed keeps an image, whatever its own name is given to later


def seeded(home: Path, archive: Path) -> Record:
    """What the image of an archive (docker save, or OCI with names) consists of, imported now if this is the first time."""
    folder = home / "seed"
    key, names = _identity(archive)
    path = folder / "records" / f"{key}.json"
    with _locked(folder):
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            with serving(folder / "containerd", _NAMESPACE) as store:
                _imported(store, archive, key, names).write(path)
    return record.read(path)


def _imported(store: Store, archive: Path, key: str, names: tuple[str, ...]) -> Record:
    store.ctr("images", "import", archive)
    target = named_digests(store)[names[0]]
    store.ctr("images", "tag", "--force", names[0], f"{_KEPT}{key}")
    store.ctr("images", "rm", *names)
    manifest = _manifest(store, target)
    described = json.loads((store.blobs / manifest.hex).read_text())
    config = _blob(described["config"])
    chain = _chain(json.loads((store.blobs / config.hex).read_text())["rootfs"]["diff_ids"])
    folders = _folders(store, chain[-1])
    assert len(folders) == len(chain)
    return Record(
        key=key,
        names=names,
        content=str(store.blobs),
        manifest=manifest,
        config=config,
        packed=tuple(_blob(layer) for layer in described["layers"]),
        layers=tuple(Layer(chain=link, folder=str(folder)) for link, folder in zip(chain, folders, strict=True)),
    )


def _manifest(store: Store, target: str) -> Blob:
    """The image's manifest: the target itself, or the one for this machine in the index that the target is."""
    path = store.blobs / target.removeprefix("sha256:")
    found: dict[str, Any] = json.loads(path.read_text())
    if "manifests" in found:
        ours = [each for each in found["manifests"] if each.get("platform", {}).get("architecture", "amd64") == "amd64"]
        return _blob(ours[0])
    return Blob(
        digest=target, size_bytes=path.stat().st_size, media_type=found.get("mediaType", "application/vnd.oci.image.manifest.v1+json")
    )


def _blob(descriptor: dict[str, Any]) -> Blob:
    return Blob(digest=descriptor["digest"], size_bytes=descriptor["size"], media_type=descriptor["mediaType"])


def _chain(diffs: list[str]) -> list[str]:
    """The ChainIDs of layers, lowest first (OCI image specification, config.md)."""
    return list(itertools.accumulate(diffs, lambda below, diff: f"sha256:{hashlib.sha256(f'{below} {diff}'.encode()).hexdigest()}"))


def _folders(store: Store, chain: str) -> list[Path]:
    """The folders of the unpacked layers, lowest first."""
    mounts = store.ctr("snapshots", "prepare", "--mounts", "look", chain)  # kept from garbage collection, as a view is not
    store.ctr("snapshots", "rm", "look")
    _own, *below = snapshots_in(mounts)
    return [store.snapshot(number) for number in reversed(below)]


def _identity(archive: Path) -> tuple[str, tuple[str, ...]]:
    """A digest that stands for the image, and its names, without reading its layers."""
    digest = hashlib.sha256()
    with tarfile.open(archive) as tar:
        inside = set(tar.getnames())
        if "manifest.json" in inside:
            listed = _read(tar, "manifest.json")
            (described,) = json.loads(listed)
            names = tuple(described["RepoTags"] or ())
            digest.update(listed + _read(tar, described["Config"]))
        else:
            listed = _read(tar, "index.json")
            (described,) = json.loads(listed)["manifests"]
            given = described.get("annotations", {})
            names = tuple(filter(None, [given.get("io.containerd.image.name") or given.get("org.opencontainers.image.ref.name")]))
            digest.update(listed)
    if not names:
        msg = f"{archive} holds an image without a name: save it under one"
        raise ClusterError(msg)
    return digest.hexdigest()[:16], names


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file
    return file.read()


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
