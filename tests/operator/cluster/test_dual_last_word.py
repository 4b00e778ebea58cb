"""The last word of a coordinator, which is not there any more when it is to be written."""

import asyncio
from pathlib import Path

import pytest
from tandem_operator.cluster.dual import hearing

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.clients import client, until
from tests.operator.cluster.dual_eyes import Eyes
from tests.operator.cluster.runs import DualRun
from tests.services.reasoning.coordination import coordinating, job, questions


def test_it_is_kept_until_it_is_written(
    api: Api, namespace: str, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status that cannot be written at the look after its end is written at the next one, with all that it said; then it is forgotten."""
    run = DualRun(api, namespace, "d").create()

    async def story() -> None:
        async with (
            client(proxy.kubeconfig) as kube,
            coordinating(tmp_path, job({"local": ["http://127.0.0.1:9/v1"]}), questions(3)) as coordinator,
        ):
            monkeypatch.setattr(hearing.objects, "address", lambda _: coordinator.address)
            eyes = Eyes(run, kube)
            await eyes.look(3)
            await until("its word", eyes.has_heard)
            await asyncio.to_thread(_end, run)
            proxy.program([Fault(kind=Kind.BROKEN)], verbs={"patch"}, path="/dualruns/d/status$")
            await eyes.look()
            assert "total" not in run.status
            await eyes.look()
            assert run.status["total"] == 3
            assert not eyes.has_heard()
            await eyes.hearing.close()

    asyncio.run(story())


def _end(run: DualRun) -> None:
    """All its parts end, on no machine."""
    for name in run.pods():
        run.api.patch(f"{PODS.format(run.namespace)}/{name}/status", {"status": {"phase": "Failed"}})
