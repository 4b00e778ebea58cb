"""Containers as kubelet would start them: with runc, as the user of the image, on a root that nobody can write to, without capabilities."""

import json
import secrets
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.images.image import Image

_NAMESPACES = ("pid", "mount", "ipc", "uts")  # the network is the machine's own
_MASKED = ["/proc/kcore", "/proc/keys", "/proc/timer_list"]


@dataclass(frozen=True, kw_only=True)
class Container:
    """An image that is mounted.

    Attributes:
        image: Which.
        root: Where.
        bundles: A folder for what runc is told.
    """

    image: Image
    root: Path
    bundles: Path
    id: str = field(default_factory=lambda: f"tandem-test-{secrets.token_hex(4)}")

    def start(
        self, argv: Iterable[str] = (), *, environ: Mapping[str, str] | None = None, folders: Mapping[str, Path] | None = None
    ) -> subprocess.Popen[str]:
        """Start the entry point, or `argv` instead; `folders` are mounted under the names that they are given, and can be written to."""
        bundle = Path(tempfile.mkdtemp(dir=self.bundles))
        settings = self._settings(list(argv), environ or {}, folders or {})
        (bundle / "config.json").write_text(json.dumps(settings))
        command = ["runc", f"--root={self.bundles / 'state'}", "run", f"--bundle={bundle}", f"{self.id}-{bundle.name}"]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *argv: str, environ: Mapping[str, str] | None = None, folders: Mapping[str, Path] | None = None) -> tuple[int, str]:
        """The exit code, and what was printed."""
        process = self.start(argv, environ=environ, folders=folders)
        printed, _ = process.communicate()
        return process.returncode, printed

    def _settings(self, argv: list[str], environ: Mapping[str, str], folders: Mapping[str, Path]) -> dict[str, Any]:
        image = self.image.settings
        user, group = map(int, image["User"].split(":"))
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": user, "gid": group},
                "args": argv or image["Entrypoint"],
                "env": [*image["Env"], *(f"{name}={value}" for name, value in environ.items())],
                "cwd": image.get("WorkingDir") or "/",
                "noNewPrivileges": True,
            },
            "root": {"path": str(self.root), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "nodev", "mode=1777"]},  # noqa: S108
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},  # noqa: S108
                *({"destination": name, "type": "bind", "source": str(path), "options": ["rbind", "rw"]} for name, path in folders.items()),
            ],
            "linux": {"namespaces": [{"type": each} for each in _NAMESPACES], "maskedPaths": _MASKED},
        }
