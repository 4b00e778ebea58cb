"""The last word of a coordinator, which is not there any more when it is to be written."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tandem_operator.cluster.dual import hearing
from tandem_operator.cluster.dual.applying import Applying
from tandem_operator.cluster.dual.hearing import Hearing
from tandem_operator.cluster.dual.shell import DualShell
from tandem_operator.cluster.dual.starting import Starting
from tandem_operator.cluster.dual.tokens import Tokens
from tandem_operator.cluster.dual.world import DualWorld
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.plan.dual.acceptance import Place

from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.faults import Fault, Kind
from tests.operator.cluster.api import PODS, Api
from tests.operator.cluster.clients import client, until
from tests.operator.cluster.runs import DualRun
from tests.services.reasoning.coordination import coordinating, job, questions

_IMAGE = "localhost/tandem-reasoning:dev"


class Eyes:
    """Looks at one run, as often as a test says so."""

    def __init__(self, run: DualRun, kube: Kube) -> None:
        self.run, self.key = run, (run.namespace, run.name)
        clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
        tokens = Tokens(b"k" * 32)
        self.world = DualWorld(lambda _: None, Machines())
        self.hearing = Hearing(tokens, clock, lambda _: None)
        site = CurrentSite(Settings(reasoning_image=_IMAGE))
        starting = Starting(kube, self.world, site, tokens, made_pod=self.world.put_pod, wrote=lambda _: None)
        applying = Applying(kube, self.world, starting, lambda _: None)
        self.shell = DualShell(self.world, Queue(), clock, applying=applying, hearing=self.hearing, place=Place(image=_IMAGE))

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            for pod in (await asyncio.to_thread(self.run.pods)).values():
                self.world.put_pod(pod)
            self.world.put_run(await asyncio.to_thread(self.run.found))
            await self.shell.look(self.key)

    def has_heard(self) -> bool:
        line = self.hearing._lines.get(self.key)
        return line is not None and line.heard.newest() is not None


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
