"""A DualRun whose coordinator the operator cannot listen to, for want of disk: on a real API server, look by look."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from tandem_operator.api import dual_run
from tandem_operator.api.reading.run_file import from_object
from tandem_operator.cluster.turns import looking

from tests.cluster.cluster import Cluster
from tests.operator.cluster.api import Api
from tests.operator.cluster.clients import client, until
from tests.operator.cluster.duals.eyes import Eyes
from tests.operator.cluster.runs import DualRun
from tests.operator.cluster.secured import COUNT, secured


def test_it_is_cared_for_all_the_same(
    api: Api, api_cluster: Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is no defect: past all patience nothing is stopped and an edit is heeded; once there is room its coordinator is heard."""
    monkeypatch.setattr(looking, "_PATIENCE_S", 0.0)
    disk = tmp_path / "disk"
    disk.touch()  # nobody can write below a file, whatever his rights
    run = DualRun(api, namespace, "d").create()

    def mended() -> None:
        disk.unlink()
        disk.mkdir()

    async def story() -> None:
        made = from_object(run.found())
        assert isinstance(made, dual_run.DualRun)
        async with client(api_cluster.kubeconfig) as kube, secured(made, tmp_path, monkeypatch):
            monkeypatch.setattr(tempfile, "tempdir", str(disk))
            eyes = Eyes(run, kube)
            await eyes.look(looking._PATIENCE + 4)
            assert eyes.shell.failed_looks == 0
            assert list(run.pods()) == ["d-coordinator-0-1"]
            assert "total" not in run.status
            await asyncio.to_thread(run.edit, noProgressAfter="1h")
            await eyes.look()
            assert run.status["observedGeneration"] == 2
            mended()
            await eyes.look()
            await until("its word", eyes.has_heard)
            await eyes.look()
            assert run.status["total"] == COUNT
            assert list(run.pods()) == ["d-coordinator-0-1"]
            await eyes.hearing.close()

    asyncio.run(story())
