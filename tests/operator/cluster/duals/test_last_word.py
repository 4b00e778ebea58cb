"""The last word of a coordinator, which is not there any more when it is to be written."""

import asyncio
from pathlib import Path

import pytest
from tandem_operator.api import dual_run
from tandem_operator.api.reading.run_file import from_object

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.clients import client, until
from tests.operator.cluster.duals.eyes import Eyes
from tests.operator.cluster.runs import DualRun
from tests.operator.cluster.secured import COUNT, secured


def test_it_is_kept_until_it_is_written(
    api: Api, namespace: str, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status that cannot be written at the look after its end is written at the next one, with all that it said; then it is forgotten."""
    run = DualRun(api, namespace, "d").create()

    async def story() -> None:
        made = from_object(run.found())
        assert isinstance(made, dual_run.DualRun)
        async with client(proxy.kubeconfig) as kube, secured(made, tmp_path, monkeypatch):
            eyes = Eyes(run, kube)
            await eyes.look(3)
            await until("its word", eyes.has_heard)
            await asyncio.to_thread(_end, run)
            proxy.program([Fault(kind=Kind.BROKEN)], verbs={"patch"}, path="/dualruns/d/status$")
            await eyes.look()
            assert "total" not in run.status
            await eyes.look()
            assert run.status["total"] == COUNT
            assert not eyes.has_heard()
            await eyes.hearing.close()

    asyncio.run(story())


def _end(run: DualRun) -> None:
    """All its parts end, on no machine."""
    for name in run.pods():
        run.api.patch(f"{PODS.format(run.namespace)}/{name}/status", {"status": {"phase": "Failed"}})
