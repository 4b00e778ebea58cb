"""Karpenter with its provider for kwok: it buys fake machines from the table below."""

import json
from typing import Any

from tests.cluster.control.plane import GROUP
from tests.cluster.machine import processes
from tests.cluster.programs import Programs
from tests.cluster.site import Site
from tests.parts.kubernetes_tools import CRDS

_NAME = "karpenter"
_ZONES = ("zone-a", "zone-b", "zone-c")
_SPOT = 0.35  # of the on-demand price; these prices are of the right order, no more
_MACHINES = {  # CPUs, memory, accelerators, USD per hour on demand
    "m5.xlarge": ("4", "16Gi", {}, 0.19),
    "m5.4xlarge": ("16", "64Gi", {}, 0.77),
    "g6.12xlarge": ("48", "192Gi", {"nvidia.com/gpu": "4"}, 4.60),
    "p4d.24xlarge": ("96", "1152Gi", {"nvidia.com/gpu": "8"}, 32.77),
    "p4de.24xlarge": ("96", "1152Gi", {"nvidia.com/gpu": "8"}, 40.97),
    "p5.48xlarge": ("192", "2048Gi", {"nvidia.com/gpu": "8"}, 55.04),
    "mi300x.1": ("20", "240Gi", {"amd.com/gpu": "1"}, 1.99),
    "mi300x.8": ("160", "1920Gi", {"amd.com/gpu": "8"}, 15.92),
}


def start_karpenter(site: Site, programs: Programs) -> None:
    """Its definitions and its controller; a `NodePool` and a `KWOKNodeClass` are the test's to make."""
    assert programs.karpenter
    crds = programs.karpenter.with_name(CRDS)
    for asked in (("apply", "--server-side"), ("wait", "--for=condition=Established")):
        processes.sh(programs.kube / "kubectl", f"--kubeconfig={site.admin}", *asked, "-f", crds)
    types = site.run / "instance-types.json"
    types.write_text(json.dumps([_instance_type(name, *machine) for name, machine in _MACHINES.items()]))
    settings = {
        "KUBECONFIG": str(site.admin),
        "DISABLE_LEADER_ELECTION": "true",
        "SYSTEM_NAMESPACE": "kube-system",
        "LOG_LEVEL": "info",
        "METRICS_PORT": "0",
        "HEALTH_PROBE_PORT": "0",
        "INSTANCE_TYPES_FILE_PATH": str(types),
    }
    processes.spawn(site, _NAME, GROUP, "nsenter", f"--net=/run/netns/{site.control}", programs.karpenter, environ=settings)


def stop_karpenter(site: Site) -> None:
    """It buys nothing any more; what it has bought stays."""
    processes.kill(site, _NAME)


def _instance_type(name: str, cpu: str, memory: str, accelerators: dict[str, str], usd_per_hour: float) -> dict[str, Any]:
    prices = {"on-demand": usd_per_hour, "spot": usd_per_hour * _SPOT}
    return {
        "name": name,
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {"cpu": cpu, "memory": memory, "ephemeral-storage": "600Gi", **accelerators},
        "offerings": [_offering(capacity, zone, price) for capacity, price in prices.items() for zone in _ZONES],
    }


def _offering(capacity: str, zone: str, price: float) -> dict[str, Any]:
    labels = {"karpenter.sh/capacity-type": capacity, "topology.kubernetes.io/zone": zone}
    wanted = [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]
    return {"Price": price, "Available": True, "Requirements": wanted}
