"""The operator's eyes in the hands of a test: one DualRun of a real API server, looked at whenever the test says so, and not in between."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

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

from tests.operator.cluster.runs import DualRun

IMAGE: Final = "localhost/tandem-reasoning:dev"


class Eyes:
    """Looks at one run, as often as a test says so."""

    def __init__(self, run: DualRun, kube: Kube) -> None:
        self.run, self.key = run, (run.namespace, run.name)
        clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
        tokens = Tokens(b"k" * 32)
        self.world = DualWorld(lambda _: None, Machines())
        queue = Queue()
        self.hearing = Hearing(tokens, clock, queue)
        site = CurrentSite(Settings(reasoning_image=IMAGE))
        starting = Starting(kube, self.world, site, tokens, made_pod=self.world.put_pod, wrote=lambda _: None)
        applying = Applying(kube, self.world, starting, lambda _: None)
        self.shell = DualShell(self.world, queue, clock, applying=applying, hearing=self.hearing, place=Place(image=IMAGE))

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            for pod in (await asyncio.to_thread(self.run.pods)).values():
                self.world.put_pod(pod)
            self.world.put_run(await asyncio.to_thread(self.run.found))
            await self.shell.look(self.key)

    def has_heard(self) -> bool:
        line = self.hearing._lines.get(self.key)
        return line is not None and line.heard.newest() is not None
