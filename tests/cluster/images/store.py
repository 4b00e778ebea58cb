"""A containerd that keeps images, spoken to through `ctr`; and where in its folder things are (containerd 1.6)."""

import os
import re
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine.processes import wait
from tests.cluster.site import ClusterError

_BLOBS = "io.containerd.content.v1.content/blobs/sha256"
_SNAPSHOT = re.compile(r"[^\s=:,\"]+/snapshots/(\d+)(?=/fs)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A running containerd, in one of its namespaces."""

    root: Path  # its folder, as we see it
    socket: Path
    namespace: str = "k8s.io"

    @property
    def blobs(self) -> Path:
        return self.root / _BLOBS

    def snapshot(self, number: int) -> Path:
        """The folder that overlayfs is given for a snapshot."""
        return self.root / "io.containerd.snapshotter.v1.overlayfs/snapshots" / str(number) / "fs"

    def ctr(self, *arguments: object) -> str:
        """What `ctr` says.

        Raises:
            ClusterError: When it fails.
        """
        done = self._ctr(*arguments)
        if done.returncode:
            msg = f"`ctr {' '.join(map(str, arguments))}` failed: {done.stderr.strip()[-500:]}"
            raise ClusterError(msg)
        return done.stdout

    def has_snapshot(self, name: str) -> bool:
        return not self._ctr("snapshots", "info", name).returncode

    def _ctr(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        command = ["ctr", f"--address={self.socket}", f"--namespace={self.namespace}", *map(str, arguments)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def snapshots_in(mounts: str) -> list[int]:
    """The numbers of the snapshots that a mount is made of, as it lists them: its own, then its parents from the top down."""
    return [int(number) for number in dict.fromkeys(_SNAPSHOT.findall(mounts))]


@contextmanager
def serving(root: Path, namespace: str) -> Generator[Store]:
    """A containerd without Kubernetes' plugin, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="tandem-seed-") as folder:  # a socket's path may have 107 bytes
        place = Path(folder)
        socket = place / "socket"
        (place / "config.toml").write_text(
            f'version = 2\nroot = "{root}"\nstate = "{place / "state"}"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\n  address = "{socket}"\n[plugins."io.containerd.internal.v1.opt"]\n  path = "{place / "opt"}"\n'
        )
        with (
            (place / "log").open("wb") as log,
            subprocess.Popen(
                ["containerd", "--config", str(place / "config.toml")], stdout=log, stderr=log, env={**os.environ, "TMPDIR": folder}
            ) as daemon,
        ):
            try:
                store = Store(root=root, socket=socket, namespace=namespace)
                wait("containerd", lambda: socket.exists() and not store._ctr("version").returncode)
                yield store
            finally:
                daemon.terminate()


def named_digests(store: Store) -> dict[str, str]:
    """The digest that each image name stands for."""
    lines = store.ctr("images", "ls").splitlines()[1:]
    return {fields[0]: fields[2] for fields in (line.split() for line in lines)}
