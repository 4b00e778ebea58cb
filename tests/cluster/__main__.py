"""`python -m tests.cluster`: a real Kubernetes cluster on one Linux machine, without docker (README.md)."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cluster import life
from tests.cluster.cluster import Cluster
from tests.cluster.control.taints import NOTICES
from tests.cluster.life import Wanted
from tests.cluster.machine import cgroups
from tests.cluster.programs import obtained
from tests.cluster.site import ClusterError, Site
from tests.parts.part import Missing

Command = Callable[[argparse.Namespace], None]


def main() -> None:
    """Run one command; a refusal is one line and exit code 1."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except (ClusterError, Missing) as reason:
        sys.exit(str(reason))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("--number", type=int, default=life.default_number(), help="which cluster of this machine (or TANDEM_CLUSTER)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run: Command, *, node: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__.strip("_").replace("_", "-"), help=(run.__doc__ or "").rstrip("."))
        added.set_defaults(run=run)
        if node:
            added.add_argument("node", help="node1 .. node16")
        return added

    command(_build).add_argument("--karpenter", action="store_true", help="Karpenter, too")
    options = command(_up)
    options.add_argument("--nodes", type=int, default=2, help="0: only the API, without DNS, MinIO and volumes")
    options.add_argument("--fake-nodes", type=int, default=0, help="labelled type=fake, and tainted")
    options.add_argument("--karpenter", action="store_true", help="buys the fake machines of control/karpenter.py")
    options.add_argument("--node-grace", type=int, default=20, help="seconds of silence until a node is not ready")
    for run in (_down, _kubeconfig, _memory, _api_stop, _api_start):
        command(run)
    command(_image_load).add_argument("image", type=Path)
    for run in (_node_start, _node_cut, _node_mend, _node_untaint):
        command(run, node=True)
    command(_node_kill, node=True).add_argument("--delete", action="store_true", help="the Node too, as a cloud does")
    command(_node_notice, node=True).add_argument("--kind", choices=NOTICES, default="karpenter")
    command(_node_resource, node=True).add_argument("resource", nargs="+", help="such as nvidia.com/gpu=8")
    return parser


def _cluster(options: argparse.Namespace) -> Cluster:
    return Cluster.running(Site.numbered(options.number), obtained(_say))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _build(options: argparse.Namespace) -> None:
    """Make the programs, unless they are there."""
    obtained(_say, kwok=True, karpenter=options.karpenter)


def _up(options: argparse.Namespace) -> None:
    """Start a cluster and wait for its nodes."""
    programs = obtained(_say, kwok=bool(options.fake_nodes), karpenter=options.karpenter)
    wanted = Wanted(nodes=options.nodes, fake_nodes=options.fake_nodes, karpenter=options.karpenter, node_grace_s=options.node_grace)
    life.up(Site.numbered(options.number), wanted, programs)


def _down(options: argparse.Namespace) -> None:
    """Stop the cluster and leave nothing of it."""
    life.down(Site.numbered(options.number))


def _kubeconfig(options: argparse.Namespace) -> None:
    """Print the administrator's kubeconfig file."""
    print(_cluster(options).kubeconfig)


def _memory(options: argparse.Namespace) -> None:
    """Print what each node (with its pods) and the control plane hold."""
    for name, size_bytes in cgroups.resident_bytes(Site.numbered(options.number)):
        print(f"{name}: {size_bytes >> 20} MiB")


def _image_load(options: argparse.Namespace) -> None:
    """Give an image (docker save, OCI, or of tests/parts/images.py) to every node, and to those that start later."""
    _cluster(options).load_image(options.image)


def _node_start(options: argparse.Namespace) -> None:
    """Switch on a node (a new one, too) and wait for it."""
    _cluster(options).node_start(options.node)


def _node_kill(options: argparse.Namespace) -> None:
    """Cut a node's power."""
    _cluster(options).node_kill(options.node, delete=options.delete)


def _node_cut(options: argparse.Namespace) -> None:
    """Cut a node off from all others; its processes live on."""
    _cluster(options).node_cut(options.node)


def _node_mend(options: argparse.Namespace) -> None:
    """End what node-cut did."""
    _cluster(options).node_mend(options.node)


def _node_notice(options: argparse.Namespace) -> None:
    """Taint a node as word of its end does."""
    _cluster(options).node_notice(options.node, options.kind)


def _node_untaint(options: argparse.Namespace) -> None:
    """Take all those taints off."""
    _cluster(options).node_untaint(options.node)


def _node_resource(options: argparse.Namespace) -> None:
    """Give a node extended resources, until the cluster is down."""
    _cluster(options).node_resource(options.node, dict(each.split("=", 1) for each in options.resource))


def _api_stop(options: argparse.Namespace) -> None:
    """Kill the API server; etcd lives on."""
    _cluster(options).api_stop()


def _api_start(options: argparse.Namespace) -> None:
    """Start the API server again, on the same etcd."""
    _cluster(options).api_start()


if __name__ == "__main__":
    main()
