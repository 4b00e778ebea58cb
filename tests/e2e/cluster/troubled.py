"""The installation's operator, as its pod speaks to an API server that fails: through a proxy of this machine, with its own rights."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.control.credentials import write_kubeconfig
from tests.cluster.fault_proxy import FaultProxy, fault_proxy
from tests.cluster.troubles import make_trouble
from tests.e2e.cluster.installation import RELEASE, Installation

_NAME = "through-a-proxy"
_FOLDER = "/var/run/through-a-proxy"
_DEPLOYMENT = f"deployment/{RELEASE}-operator"
_LASTS = "24h"  # longer than any test


@contextmanager
def troubled(installation: Installation, folder: Path, *, seed: int) -> Generator[FaultProxy]:
    """Within it, the operator's requests meet all faults; it is started anew for that, and again afterwards."""
    cluster = installation.cluster
    with fault_proxy(cluster.kubeconfig, folder, seed=seed, listen=cluster.host_address) as proxy:
        before = json.loads(_operator(installation, "get", _DEPLOYMENT, "-o", "json"))["spec"]["template"]
        try:
            _lead(installation, folder, proxy)
            make_trouble(proxy)
            yield proxy
        finally:
            proxy.clear()
            template = [{"op": "replace", "path": "/spec/template", "value": before}]
            _operator(installation, "patch", _DEPLOYMENT, "--type=json", "-p", json.dumps(template))
            _operator(installation, "rollout", "status", _DEPLOYMENT)
            _operator(installation, "delete", "secret", _NAME, "--ignore-not-found")


def _lead(installation: Installation, folder: Path, proxy: FaultProxy) -> None:
    """Have the operator be started anew with a kubeconfig that leads to the proxy."""
    pod = json.loads(_operator(installation, "get", _DEPLOYMENT, "-o", "json"))["spec"]["template"]["spec"]
    token = _operator(installation, "create", "token", pod["serviceAccountName"], f"--duration={_LASTS}").strip()
    config = folder / "config"
    write_kubeconfig(config, proxy.server, token, folder / "proxy.crt")
    _operator(installation, "create", "secret", "generic", _NAME, f"--from-file={config}")
    container: dict[str, Any] = {
        "name": pod["containers"][0]["name"],
        "env": [{"name": "KUBECONFIG", "value": f"{_FOLDER}/{config.name}"}],
        "volumeMounts": [{"name": _NAME, "mountPath": _FOLDER, "readOnly": True}],
    }
    spec = {"containers": [container], "volumes": [{"name": _NAME, "secret": {"secretName": _NAME, "defaultMode": 0o440}}]}
    _operator(installation, "patch", _DEPLOYMENT, "-p", json.dumps({"spec": {"template": {"spec": spec}}}))
    _operator(installation, "rollout", "status", _DEPLOYMENT)


def _operator(installation: Installation, *arguments: str) -> str:
    """What kubectl says of the installation's own things."""
    return installation.cluster.kubectl("-n", RELEASE, *arguments)
