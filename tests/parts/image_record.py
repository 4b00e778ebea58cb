"""An image as nodes here take it: its two small documents, and the folders that its layers are unpacked in; a JSON file."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An unpacked layer, as overlayfs wants it, on top of those before it."""

    chain: str  # the digest of it and all below (OCI image specification, config.md: ChainID)
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An image; its digest and so its content never change, its layers' folders are only read."""

    names: tuple[str, ...]
    manifest: str  # to the byte
    config: str  # to the byte
    layers: tuple[Layer, ...]

    @classmethod
    def unpacked(cls, names: Iterable[str], manifest: str, config: str, folders: Sequence[Path]) -> "Record":
        """The image whose layers, lowest first, are in these folders."""
        layers = tuple(Layer(chain=link, folder=str(folder)) for link, folder in zip(chain_of(config), folders, strict=True))
        return cls(names=tuple(names), manifest=manifest, config=config, layers=layers)

    @classmethod
    def read(cls, path: Path) -> "Record":
        value = json.loads(path.read_text())
        value["layers"] = tuple(Layer(**each) for each in value["layers"])
        return cls(**{**value, "names": tuple(value["names"])})

    def write(self, path: Path) -> None:
        """All of it, or nothing."""
        half = path.with_suffix(".half")
        half.write_text(json.dumps(asdict(self)))
        half.rename(path)

    @property
    def key(self) -> str:
        """A name for exactly this image under exactly these names."""
        return hashlib.sha256(json.dumps([self.names, self.manifest]).encode()).hexdigest()[:16]

    @property
    def usable(self) -> bool:
        """Whether its layers are still there."""
        return all(Path(layer.folder).exists() for layer in self.layers)

    @property
    def descriptor(self) -> dict[str, Any]:
        """Of the manifest, as the OCI image specification has it."""
        media_type = json.loads(self.manifest).get("mediaType", OCI_MANIFEST)
        return {"mediaType": media_type, "digest": digest_of(self.manifest), "size": len(self.manifest.encode())}


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def chain_of(config: str) -> list[str]:
    """The ChainIDs of an image's layers, lowest first."""
    return list(itertools.accumulate(json.loads(config)["rootfs"]["diff_ids"], _above))


def _above(below: str, diff: str) -> str:
    return digest_of(f"{below} {diff}")
