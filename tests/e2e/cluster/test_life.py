"""A run on a cluster, from `kubectl apply` to its end."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster.installation import ROOT, Tenant
from tests.e2e.home import Home

pytestmark = pytest.mark.slow


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text that is the same here and in pods: the planner's own source."""
    folder = tmp_path / "text"
    folder.mkdir()
    for file in (ROOT / "operator/tandem_operator/plan").rglob("*.py"):
        shutil.copy(file, folder / f"{file.parent.name}_{file.name}")
    return folder


def test_the_quickstart_ends_like_on_one_machine(tenant: Tenant, quickstart: dict[str, Any], text: Path, home: Home) -> None:
    """Two pods on two nodes, ZeRO-2 over the network, checkpoints in MinIO: Complete, with the very loss of two local processes."""
    tenant.kubectl("create", "configmap", "text", f"--from-file={text}")
    spec = quickstart["spec"]
    short, long = spec["phases"]
    spec = {**spec, "phases": [{**short, "steps": 24}, {**long, "steps": 8}]}  # of 100: both phases, and a checkpoint within
    pod = {**spec["pod"], "volumes": [{"mountPath": "/text", "configMap": "text"}]}
    run = tenant.apply(quickstart, phases=spec["phases"], placement={"onePerNode": True}, pod=pod, data={**spec["data"], "source": "/text"})
    run.wait("two nodes", lambda run: len({pod["spec"].get("nodeName") for pod in run.pods} - {None}) == 2)
    tenant.kubectl("wait", "--for=condition=Complete", "--timeout=600s", f"trainingrun/{run.name}")
    run.wait_for_last_report()
    run.wait_for_event("Succeeded")
    status = run.status
    assert (status["step"], status["attempt"], status["failures"], status["lostSteps"]) == (32, 1, 0, 0)
    assert run.manifests()[-1] == "000001-000000000032.json"
    assert {"Accepted", "Running", "Succeeded"} <= set(run.events)
    assert float(status["spentUsd"]) > 0
    assert home.tandem("run", "--plain", home.write({**spec, "data": {**spec["data"], "source": str(text)}})).returncode == 0
    assert status["loss"] == pytest.approx(home.status()["loss"], rel=1e-6)
