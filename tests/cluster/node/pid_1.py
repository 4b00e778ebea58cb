"""`python -m tests.cluster.node.pid_1 CLUSTER NODE KUBE`: the first process of a node; all others are below it.

It sees to the node's own /var and /run, then keeps its daemons running and buries its orphans. One SIGKILL to it is a
power cut: the kernel kills the whole PID namespace at once, and the node's mounts go with its mount namespace.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster.machine.processes import first, sh, wait
from tests.cluster.node import settings
from tests.cluster.node.images import adopt_all
from tests.cluster.node.node import Node, named
from tests.cluster.site import Site

_BEFORE_RESTART_S = 1


def main(node: Node, kube: Path) -> None:
    _own_folders(node)
    socket.sethostname(node.name)
    commands = settings.commands(node, kube)
    daemons: dict[int, str] = {}

    def start(name: str) -> None:
        if name == "containerd":
            settings.SOCKET.unlink(missing_ok=True)
        with (node.site.log / f"{node.name}-{name}").open("ab") as log:
            before_others = first if name == "kubelet" else None  # which no pod descends from
            daemons[subprocess.Popen(commands[name], stdout=log, stderr=log, preexec_fn=before_others).pid] = name  # noqa: PLW1509
        if name == "containerd":
            wait("containerd", settings.SOCKET.exists)
            adopt_all(node, settings.SOCKET)

    for name in ("containerd", "kubelet", "kube-proxy"):
        start(name)
    while True:
        ended = daemons.pop(os.wait()[0], None)
        if ended:
            time.sleep(_BEFORE_RESTART_S)
            start(ended)


def _own_folders(node: Node) -> None:
    sh("mount", "-t", "tmpfs", "tmpfs", "/run")
    sh("mount", "--bind", node.disk, "/var")
    sh("mount", "--make-rshared", "/")
    quiet = [f"net.ipv4.conf.{each}.send_redirects=0" for each in ("all", "eth0")]
    sh("sysctl", "-qw", "net.ipv4.ip_forward=1", *quiet)
    if not Path("/var/run").is_symlink():
        Path("/var/run").symlink_to("/run")


if __name__ == "__main__":
    main(named(Site.numbered(int(sys.argv[1])), sys.argv[2]), Path(sys.argv[3]))
