"""A cluster of this machine in the hands of a test: what it can be asked, and what can befall it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.cluster import life
from tests.cluster.any_cluster import AnyCluster
from tests.cluster.control import api, plane
from tests.cluster.control.fake_nodes import add_fake_nodes
from tests.cluster.machine import network, processes
from tests.cluster.node import power
from tests.cluster.node.node import Node, named
from tests.cluster.programs import Programs
from tests.cluster.site import ClusterError, Site
from tests.parts.minio_server import MinioServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(AnyCluster):
    """A running cluster whose machines are ours."""

    site: Site
    programs: Programs

    @classmethod
    def running(cls, site: Site, programs: Programs) -> "Cluster":
        """The one that is up.

        Raises:
            ClusterError: If none is.
        """
        if not life.is_up(site):
            msg = f"cluster {site.number} is not up: `python -m tests.cluster up`"
            raise ClusterError(msg)
        return cls(site=site, programs=programs, kubeconfig=site.admin, kubectl_program=programs.kube / "kubectl")

    def get(self, path: str) -> Any:
        """As for any cluster, and for a tenth of what it costs to start kubectl: tests that wait look again and again."""
        try:
            return api.call(self.site, "GET", path)
        except (OSError, HTTPException) as error:
            msg = f"{path}: {error}"
            raise ClusterError(msg) from error

    @property
    def host_address(self) -> str:
        """This machine's address as pods see it; what listens there (or on 0.0.0.0) can be called from pods."""
        return self.site.tests

    @property
    def nodes(self) -> list[str]:
        """The names of the nodes that are on."""
        return [node.name for node in network.present(self.site)]

    def load_image(self, image: Path) -> None:
        """Give an image to all nodes, and to those that start later: an archive, or what `tests/parts/images.py` built."""
        life.load_image(self.site, image)

    def add_fake_nodes(self, count: int) -> None:
        """Have this many nodes whose pods only seem to run (`control/fake_nodes.py`)."""
        add_fake_nodes(self.site, self.programs, count)

    @property
    def chart_settings(self) -> Mapping[str, str]:
        """Our images are on every node, and nothing can be pulled."""
        return {"images.pullPolicy": "Never"}

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
        """Cut a node off from the control plane, other nodes, DNS, MinIO and this machine; its pods go on."""
        network.cut(self._node(name))

    def node_mend(self, name: str) -> None:
        """End what `node_cut` did."""
        network.mend(self._node(name))

    def node_resource(self, name: str, resources: dict[str, str]) -> None:
        """Let a node claim extended resources, such as `{"nvidia.com/gpu": "8"}`, also after its next starts."""
        power.set_resources(self._node(name), resources)

    def api_stop(self) -> None:
        """Kill the API server in the middle of whatever it does; etcd lives on."""
        plane.stop_api_server(self.site)

    def api_start(self) -> None:
        """Start it again and return when it serves."""
        plane.start_api_server(self.site, self.programs)

    def heal(self, nodes: list[str]) -> None:
        """Undo what befell the cluster: these nodes and no others are on, reached, schedulable and without notices; the API serves."""
        if not processes.running(self.site, "kube-apiserver"):
            self.api_start()
        for name in self.nodes:
            self.node_mend(name)
            if name not in nodes:
                self.node_kill(name, delete=True)
        off = [power.switch_on(self._node(name), self.programs.kube) for name in nodes if name not in self.nodes]
        for each in off:
            power.wait_ready(each)
        for name in nodes:
            found = api.call(self.site, "GET", f"/api/v1/nodes/{name}")
            if set(found["spec"]) & {"taints", "unschedulable"}:
                self.wait_until(f"{name} to be ready", lambda name=name: self.node_is_ready(name))
                self.node_untaint(name)
                self.kubectl("uncordon", name)

    def _node(self, name: str) -> Node:
        return named(self.site, name)
