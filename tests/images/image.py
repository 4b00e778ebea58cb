"""What is in an image: how it is started, and what each of its layers adds to the base."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.parts.image_record import Record

_BASE_LAYERS = 1  # as write_image makes a base


@dataclass(frozen=True)
class Image:
    """A built image, whose layers lie unpacked."""

    record: Record

    @cached_property
    def settings(self) -> dict[str, Any]:
        """User, Env, Entrypoint, Labels and so on."""
        return json.loads(self.record.config)["config"]

    @cached_property
    def added(self) -> list[dict[str, Path]]:
        """What each layer on top of the base adds: where every file and folder of it lies, by its path in the image."""
        folders = [Path(layer.folder) for layer in self.record.layers[_BASE_LAYERS:]]
        return [{str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))} for folder in folders]

    @cached_property
    def files(self) -> dict[str, Path]:
        """All files on top of the base."""
        return {name: path for layer in self.added for name, path in layer.items() if path.is_symlink() or not path.is_dir()}

    @contextmanager
    def mounted(self, root: Path) -> Generator[Path]:
        """The layers, laid over each other at `root`, to be read only."""
        root.mkdir()
        folders = ":".join(layer.folder for layer in reversed(self.record.layers))
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"ro,lowerdir={folders}", str(root)], check=True)
        try:
            yield root
        finally:
            subprocess.run(["umount", str(root)], check=True)
