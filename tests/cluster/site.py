"""Where cluster number N is: its folder, addresses, links and cgroups, all told apart by N."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.parts.part import cache

CLUSTERS = 24  # 0 .. 23: room in the addresses below
NODES = 16  # 1 .. 16 in each


class ClusterError(RuntimeError):
    """The cluster cannot do what was asked; one line that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The place of one cluster. What it names may or may not exist."""

    number: int
    home: Path  # of all clusters; not below /var or /run, which a node covers with its own

    @classmethod
    def numbered(cls, number: int, environ: Mapping[str, str] = os.environ) -> "Site":
        if not 0 <= number < CLUSTERS:
            msg = f"no such cluster: {number} (0 .. {CLUSTERS - 1})"
            raise ClusterError(msg)
        return cls(number=number, home=cache(environ).parent / "cluster")

    @property
    def run(self) -> Path:
        """All there is of the running cluster; `down` removes it."""
        return self.home / str(self.number)

    @property
    def log(self) -> Path:
        return self.run / "log"

    @property
    def pids(self) -> Path:
        return self.run / "pid"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def images(self) -> Path:
        """What each image that nodes shall have consists of (`images/seed.py`)."""
        return self.run / "images"

    @property
    def admin(self) -> Path:
        """The administrator's kubeconfig."""
        return self.run / "admin.conf"

    @property
    def name(self) -> str:
        """The bridge, this machine's cable to it, and the cgroup; namespaces begin with it."""
        return f"tandem{self.number}"

    @property
    def control(self) -> str:
        """The control plane's network namespace."""
        return f"{self.name}-control"

    @property
    def host(self) -> str:
        """The control plane's address."""
        return f"172.30.{self.number}.1"

    @property
    def mac(self) -> str:
        """The bridge's own. It would else be that of some cable, and change when that is pulled, unknown to the others for 36 s."""
        return f"0a:00:ac:1e:{self.number:02x}:00"

    @property
    def tests(self) -> str:
        """This machine's address in the cluster's network: what tests and kubectl call from, and pods can call."""
        return f"172.30.{self.number}.254"

    @property
    def server(self) -> str:
        return f"https://{self.host}:6443"

    @property
    def minio(self) -> str:
        return f"http://{self.host}:9000"

    @property
    def pods(self) -> str:
        return f"10.{200 + self.number}.0.0/16"

    @property
    def services(self) -> str:
        return f"10.{224 + self.number}.0.0/16"

    @property
    def kubernetes_service(self) -> str:
        return f"10.{224 + self.number}.0.1"
