"""The operator's eyes in the hands of a test: one run of a real API server, looked at whenever the test says so, and not in between."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tandem_operator.cluster.apply import Applying
from tandem_operator.cluster.deeds.starting import Starting
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.shell import Shell
from tandem_operator.cluster.shown.accounts import Accounts
from tandem_operator.cluster.turns.queue import Queue

from tests.operator.cluster.clients import client
from tests.operator.cluster.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """Looks at one run, as often as a test says so."""

    run: Run
    world: World
    shell: Shell
    applying: Applying
    accounts: Accounts
    name: str = "r-1-0"

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            there = await asyncio.to_thread(self.run.pods)
            for pod in there.values():
                self.world.put_pod(pod)
            if self.name not in there:
                self.world.drop_pod((self.run.namespace, self.name))
            self.world.put_run(await asyncio.to_thread(self.run.found))
            await self.shell.look((self.run.namespace, self.run.name))

    async def write(self, **status: Any) -> None:
        """Somebody else writes the status."""
        await asyncio.to_thread(self.run.api.patch, f"{self.run.path}/status", {"status": status})

    async def pods(self) -> list[str]:
        """Pods are on no machine, so that those that are deleted are gone at once."""
        return list(await asyncio.to_thread(self.run.pods))


@asynccontextmanager
async def looking_at(run: Run, kubeconfig: Path) -> AsyncGenerator[Eyes]:
    async with client(kubeconfig) as kube:
        clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
        world, queue = World(lambda _: None, lambda _: None, clock), Queue()
        settings = Settings(trainer_image="none")
        starting = Starting(kube, world, CurrentSite(settings), made_pod=world.put_pod, wrote=lambda _: None)
        accounts = Accounts(lambda _: None)
        applying = Applying(kube, world, starting, lambda _: None, accounts.recorded)
        shell = Shell(world, queue, clock, applying=applying, site=settings.site(), heard=lambda _: None, accounts=accounts)
        yield Eyes(run=run, world=world, shell=shell, applying=applying, accounts=accounts)
