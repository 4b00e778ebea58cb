"""A cluster in the hands of a test: what it can be asked, and what can befall it."""

import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import life
from tests.cluster.control import api, plane
from tests.cluster.control.taints import EFFECT, NOTICES
from tests.cluster.machine import network
from tests.cluster.node import power
from tests.cluster.node.node import Node, named
from tests.cluster.programs import Programs, obtained
from tests.cluster.site import ClusterError, Site
from tests.parts.minio_server import MinioServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A running cluster of this machine."""

    site: Site
    programs: Programs = field(repr=False)

    @classmethod
    def running(cls, site: Site) -> "Cluster":
        """The one that is up.

        Raises:
            ClusterError: If none is.
        """
        if not life.is_up(site):
            msg = f"cluster {site.number} is not up: `python -m tests.cluster up`"
            raise ClusterError(msg)
        return cls(site=site, programs=obtained(print))

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.site.admin

    @property
    def host_address(self) -> str:
        """This machine's address as pods see it."""
        return self.site.tests

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes that are on."""
        return [node.name for node in network.present(self.site)]

    def kubectl(self, *arguments: object, stdin: str | None = None) -> str:
        """What kubectl says.

        Raises:
            ClusterError: When it fails; with what it said.
        """
        command = [str(self.programs.kube / "kubectl"), f"--kubeconfig={self.kubeconfig}", *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            msg = f"`kubectl {' '.join(map(str, arguments))}` failed: {done.stderr.strip()}"
            raise ClusterError(msg)
        return done.stdout

    def load_image(self, archive: Path) -> None:
        """Give an image (docker save, or OCI) to all nodes, and to those that start later."""
        life.load_image(self.site, archive)

    @property
    def minio(self) -> MinioServer:
        """The object store; pods and this machine reach it at the same address."""
        return MinioServer(endpoint=self.site.minio, access_key=plane.MINIO_ACCESS_KEY, secret_key=plane.MINIO_SECRET_KEY)

    @property
    def minio_endpoint(self) -> str:
        return self.site.minio

    def new_bucket(self) -> str:
        """The name of a bucket of its own."""
        return self.minio.new_bucket()

    def node_start(self, name: str) -> None:
        """Switch on a node, a new one or with the disk it had, and return when it is ready."""
        power.wait_ready(power.switch_on(self._node(name), self.programs.kube))

    def node_kill(self, name: str, *, delete: bool = False) -> None:
        """Cut a node's power; its Node object goes, too, if asked, as clouds do after a while."""
        power.power_cut(self._node(name))
        if delete:
            api.call(self.site, "DELETE", f"/api/v1/nodes/{name}")

    def node_cut(self, name: str) -> None:
        """Cut a node off from the control plane, other nodes, DNS and MinIO; its pods go on."""
        network.cut(self._node(name))

    def node_mend(self, name: str) -> None:
        """End what `node_cut` did."""
        network.mend(self._node(name))

    def node_notice(self, name: str, kind: str = "karpenter") -> None:
        """Taint a node as the machinery of that kind does when the node is about to go (`control/taints.py`)."""
        self.kubectl("taint", "node", name, "--overwrite", f"{NOTICES[kind]}:{EFFECT}")

    def node_untaint(self, name: str) -> None:
        """Take the taints of all notices off."""
        keys = {taint["key"] for taint in api.call(self.site, "GET", f"/api/v1/nodes/{name}")["spec"].get("taints", [])}
        for key in keys & set(NOTICES.values()):
            self.kubectl("taint", "node", name, f"{key}-")

    def node_resource(self, name: str, resources: dict[str, str]) -> None:
        """Let a node claim extended resources, such as `{"nvidia.com/gpu": "8"}`, also after its next starts."""
        power.set_resources(self._node(name), resources)

    def api_stop(self) -> None:
        """Kill the API server in the middle of whatever it does; etcd lives on."""
        plane.stop_api_server(self.site)

    def api_start(self) -> None:
        """Start it again and return when it serves."""
        plane.start_api_server(self.site, self.programs)

    def new_namespace(self, prefix: str = "test") -> str:
        """The name of a namespace of its own."""
        name = f"{prefix}-{secrets.token_hex(3)}"
        self.kubectl("create", "namespace", name)
        return name

    def _node(self, name: str) -> Node:
        return named(self.site, name)
