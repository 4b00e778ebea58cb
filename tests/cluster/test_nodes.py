"""What can befall a node befalls it as stated, and nothing else does."""

import json
import secrets
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.any_cluster import NODES
from tests.cluster.cluster import Cluster
from tests.cluster.control.taints import EFFECT, NOTICES
from tests.cluster.diarist import Diarist, write_diary
from tests.cluster.node.node import named
from tests.cluster.site import ClusterError
from tests.parts.image_archive import write_image
from tests.parts.kube import PAUSE_ARCHIVE

KUBELET = 10250
SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs/snapshots"


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = cluster.new_namespace()
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def diarist(cluster: Cluster, namespace: str) -> Diarist:
    return write_diary(cluster, namespace, "node2")


def reachable(cluster: Cluster, node: str) -> bool:
    """Whether this machine gets through to the node's kubelet."""
    try:
        socket.create_connection((named(cluster.site, node).ip, KUBELET), timeout=0.5).close()
    except OSError:
        return False
    return True


def new_image(cluster: Cluster, folder: Path, name: str) -> Path:
    """The pause image's program as an image of another name, and so of another digest."""
    with tarfile.open(cluster.programs.kube / PAUSE_ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    with tarfile.open(folder / "layer.tar") as layer:
        layer.extractall(folder / "root", filter="fully_trusted")  # noqa: S202  our own archive
    (folder / "root/name").write_text(name)
    write_image(name, folder / "root", folder / "image.tar", {"Entrypoint": ["/pause"]})
    return folder / "image.tar"


def run(cluster: Cluster, namespace: str, node: str, image: str) -> None:
    """Return when a pod of that image runs on that node."""
    placed = json.dumps({"spec": {"nodeName": node, "terminationGracePeriodSeconds": 0}})
    cluster.kubectl("run", node, "-n", namespace, f"--image={image}", "--image-pull-policy=Never", f"--overrides={placed}")
    cluster.kubectl("wait", "pod", node, "-n", namespace, "--for=condition=Ready", "--timeout=300s")


def test_a_power_cut(cluster: Cluster, namespace: str, diarist: Diarist, tmp_path: Path) -> None:
    """It ends all that runs on the node at once; the node comes back with its disk, resources, new images and pods."""
    cluster.node_resource("node2", {"example.com/gpu": "8"})
    cluster.node_kill("node2")
    written = diarist.entries
    assert cluster.nodes == ["node1"]
    assert not reachable(cluster, "node2")
    cluster.load_image(new_image(cluster, tmp_path, "localhost/late:1"))
    assert diarist.entries == written
    cluster.node_start("node2")
    assert cluster.node_is_ready("node2")
    assert reachable(cluster, "node2")
    assert cluster.get(f"{NODES}/node2")["status"]["allocatable"]["example.com/gpu"] == "8"
    cluster.wait_until("the pod's second container", lambda: diarist.starts == 2)
    assert diarist.entries[: len(written)] == written
    run(cluster, namespace, "node2", "localhost/late:1")


def test_a_cut_cable(cluster: Cluster, diarist: Diarist) -> None:
    """The node's pods go on but hear nobody; it is not ready after a while, and ready again, with the same pods, when mended."""
    cluster.node_cut("node2")
    begun = len(diarist.entries) + 1  # one may have been on its way
    assert not reachable(cluster, "node2")
    assert reachable(cluster, "node1")
    cluster.wait_until("node2 to be missed", lambda: not cluster.node_is_ready("node2"))
    during = diarist.entries[begun:]
    assert len(during) > 2
    assert set(during) == {"alone"}
    cluster.node_mend("node2")
    cluster.wait_until("node2 to be back", lambda: cluster.node_is_ready("node2"))
    assert reachable(cluster, "node2")
    cluster.wait_until("the pod to hear", lambda: diarist.entries[-1] == "heard")
    assert diarist.starts == 1


@pytest.mark.parametrize("kind", NOTICES)
def test_a_notice(cluster: Cluster, kind: str) -> None:
    """It is the taint that this machinery sets, and it can be taken back."""
    cluster.node_notice("node1", kind)
    (taint,) = cluster.get(f"{NODES}/node1")["spec"]["taints"]
    assert (taint["key"], taint["effect"]) == (NOTICES[kind], EFFECT)
    cluster.node_untaint("node1")
    assert "taints" not in cluster.get(f"{NODES}/node1")["spec"]


def test_an_image_for_running_nodes(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """All nodes can run it when it is loaded, and share its unpacked layer instead of copying it."""
    cluster.load_image(new_image(cluster, tmp_path, "localhost/shared:1"))
    for name in cluster.nodes:
        run(cluster, namespace, name, "localhost/shared:1")
    snapshots = [named(cluster.site, name).disk / "lib/containerd" / SNAPSHOTS for name in cluster.nodes]
    files = [file for folder in snapshots for file in folder.glob("*/fs/name") if file.read_text() == "localhost/shared:1"]
    assert len(files) == len(cluster.nodes)
    assert len({file.stat().st_ino for file in files}) == 1


def test_the_api_server_dies(cluster: Cluster) -> None:
    """Nothing answers until it is started again; then everything is there that was."""
    kept = f"kept-{secrets.token_hex(3)}"
    cluster.kubectl("create", "configmap", kept, "-n", "default")
    cluster.api_stop()
    with pytest.raises(ClusterError, match="refused"):
        cluster.kubectl("get", "configmap", kept)
    cluster.api_start()
    assert cluster.get(f"/api/v1/namespaces/default/configmaps/{kept}")["metadata"]["name"] == kept
    cluster.kubectl("delete", "configmap", kept)


def test_two_nodes_that_take_pods(cluster: Cluster) -> None:
    """Cordoned and tainted ones are left out; the first two of a cluster of ours are its own."""
    assert cluster.two_nodes == ("node1", "node2")
    cluster.kubectl("cordon", "node2")
    try:
        with pytest.raises(Exception, match=r"there is only \['node1'\]"):
            _ = cluster.two_nodes
    finally:
        cluster.kubectl("uncordon", "node2")
        # what a whole run has only once asks for the two before anything is healed
        cluster.wait_until("node2 to take pods again", lambda: cluster.two_nodes)
