"""The configuration of a node's daemons: containerd, its pod network, kubelet and kube-proxy."""

import json
from pathlib import Path
from typing import Any

from tests.cluster.node.node import Node
from tests.parts.kube import PAUSE_IMAGE

SOCKET = Path("/run/containerd/containerd.sock")  # in the node's own /run


def write(node: Node) -> None:
    """All files that the daemons read."""
    node.disk.mkdir(parents=True, exist_ok=True)
    (node.folder / "resolv.conf").write_text("")  # pods must not learn this machine's DNS
    (node.folder / "containerd.toml").write_text(_containerd(node))
    (node.folder / "cni").mkdir(exist_ok=True)
    values = {"cni/pods.conflist": _pod_network(node), "kubelet.json": _kubelet(node), "kube-proxy.json": _kube_proxy(node)}
    for name, value in values.items():
        (node.folder / name).write_text(json.dumps(value, indent=1))


def commands(node: Node, kube: Path) -> dict[str, list[str]]:
    """How each daemon is started."""
    kubelet = [f"--config={node.folder / 'kubelet.json'}", f"--kubeconfig={node.site.run / node.name}.conf"]
    return {
        "containerd": ["containerd", "--config", str(node.folder / "containerd.toml")],
        "kubelet": [str(kube / "kubelet"), *kubelet, f"--node-ip={node.ip}", f"--hostname-override={node.name}"],
        "kube-proxy": [str(kube / "kube-proxy"), f"--config={node.folder / 'kube-proxy.json'}"],
    }


def _containerd(node: Node) -> str:
    return f"""
version = 2
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true  # lowering it needs CAP_SYS_RESOURCE, which not every test machine has
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{node.folder}/cni"
"""


def _pod_network(node: Node) -> dict[str, Any]:
    """Each pod on a cable of its own, so that all its traffic is routed and passes kube-proxy's rules.

    On a bridge, the reply of a service's pod on the same node would bypass them (without br_netfilter).
    """
    addresses = {"type": "host-local", "ranges": [[{"subnet": node.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [{"type": "ptp", "ipam": addresses}, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}


def _kubelet(node: Node) -> dict[str, Any]:
    authority = str(node.site.pki / "ca.crt")
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True}, "x509": {"clientCAFile": authority}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.site.name}/{node.name}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [node.site.host],
        "resolvConf": str(node.folder / "resolv.conf"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "failSwapOn": False,
        "nodeLeaseDurationSeconds": 12,  # renewed at a quarter of it: a silent node is soon noticed
        "nodeStatusUpdateFrequency": "2s",
        "providerID": f"tandem://{node.name}",
        "imageGCHighThresholdPercent": 100,  # never: an image of ours that is collected cannot be pulled again
        "featureGates": {"KubeletCrashLoopBackOffMax": True},  # alpha in 1.34; without it a kubelet refuses the next line
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},  # the least there may be: what a test has killed is soon back
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    }


def _kube_proxy(node: Node) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(node.site.run / "kube-proxy.conf")},
        "clusterCIDR": node.site.pods,
        "hostnameOverride": node.name,
        "conntrack": {"maxPerCore": 0, "min": 0},  # leave this machine's limits as they are
    }
