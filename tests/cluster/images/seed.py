"""The seed: one containerd folder into which each archive is imported and unpacked once, for all nodes of all clusters here."""

import fcntl
import hashlib
import json
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.images.store import Store, named_digests, serving, snapshots_in
from tests.cluster.site import ClusterError
from tests.parts.image_record import Record, chain_of

_NAMESPACE = "seed"
_KEPT = "seed.test/image:"  # the name under which the seed keeps an image, whatever its own name is given to later


def record_of(home: Path, image: Path) -> Record:
    """An image of `tests/parts/images.py`, or of an archive (docker save, or OCI), which is imported if this is the first time.

    Raises:
        ClusterError: If it is neither.
    """
    if image.suffix == ".json":
        return Record.read(image)
    folder = home / "seed"
    key, names = _identity(image)
    path = folder / "images" / f"{key}.json"
    with _locked(folder):
        if not path.exists() or not Record.read(path).usable:
            path.parent.mkdir(exist_ok=True)
            with serving(folder / "containerd", _NAMESPACE) as store:
                _imported(store, image, key, names).write(path)
    return Record.read(path)


def _imported(store: Store, archive: Path, key: str, names: tuple[str, ...]) -> Record:
    store.ctr("images", "import", archive)
    target = named_digests(store)[names[0]]
    store.ctr("images", "tag", "--force", names[0], f"{_KEPT}{key}")
    store.ctr("images", "rm", *names)
    manifest = _manifest(store, target)
    config = _text(store, json.loads(manifest)["config"]["digest"])
    top = "look"  # a snapshot to be written upon is kept from garbage collection, as one to be read is not
    mounts = store.ctr("snapshots", "prepare", "--mounts", top, chain_of(config)[-1])
    store.ctr("snapshots", "rm", top)
    _own, *below = snapshots_in(mounts)
    return Record.unpacked(names, manifest, config, [store.snapshot(number) for number in reversed(below)])


def _manifest(store: Store, target: str) -> str:
    """The image's manifest: the target itself, or the one for this machine in the index that the target is."""
    text = _text(store, target)
    found: dict[str, Any] = json.loads(text)
    ours = [each for each in found.get("manifests", ()) if each.get("platform", {}).get("architecture", "amd64") == "amd64"]
    return _text(store, ours[0]["digest"]) if ours else text


def _text(store: Store, digest: str) -> str:
    return (store.blobs / digest.removeprefix("sha256:")).read_bytes().decode()


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
