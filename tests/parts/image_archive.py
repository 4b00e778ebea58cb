"""A container image of one layer as `docker save` would write it, made from a folder: no daemon, no registry."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_EPOCH = 0  # all times in an image: the same input gives the same digest
_BLOCK = 1 << 20


def write_image(name: str, root: Path, archive: Path, config: Mapping[str, Any]) -> None:
    """The files below `root`, all owned by root, as the image `name`; `config` as in the OCI image specification."""
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        tar.add(root, arcname=".", filter=_anonymous)
    about = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
        "config": dict(config),
        "created": "1970-01-01T00:00:00Z",
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "unpacked"}],  # buildah counts layers by it
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        for inside, value in (("manifest.json", manifest), ("config.json", about)):
            data = json.dumps(value).encode()
            entry = tarfile.TarInfo(inside)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        tar.add(layer, arcname="layer.tar", filter=_anonymous)
    layer.unlink()


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = _EPOCH
    return entry


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
