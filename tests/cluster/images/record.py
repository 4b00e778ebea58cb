"""What an image consists of, as the seed holds it: names, blobs and unpacked layers; a JSON file, so that nodes can read it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file of the content store."""

    digest: str
    size_bytes: int
    media_type: str = ""

    @property
    def hex(self) -> str:
        return self.digest.removeprefix("sha256:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An unpacked layer on top of those before it."""

    chain: str  # the digest of it and all below (OCI image specification: ChainID)
    folder: str  # of the seed's snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An image."""

    key: str
    names: tuple[str, ...]
    content: str  # the seed's folder of blobs
    manifest: Blob
    config: Blob
    packed: tuple[Blob, ...]
    layers: tuple[Layer, ...]

    def blob(self, blob: Blob) -> Path:
        return Path(self.content) / blob.hex

    def write(self, path: Path) -> None:
        """All of it, or nothing."""
        half = path.with_suffix(".half")
        half.write_text(json.dumps(asdict(self)))
        half.rename(path)


def read(path: Path) -> Record:
    value = json.loads(path.read_text())
    return Record(
        key=value["key"],
        names=tuple(value["names"]),
        content=value["content"],
        manifest=Blob(**value["manifest"]),
        config=Blob(**value["config"]),
        packed=tuple(Blob(**each) for each in value["packed"]),
        layers=tuple(Layer(**each) for each in value["layers"]),
    )
