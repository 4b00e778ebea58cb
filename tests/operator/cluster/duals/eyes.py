"""The operator's eyes in the hands of a test: one DualRun of a real API server, looked at whenever the test says so, and not in between."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from tandem_operator.cluster.dual.applying import Applying
from tandem_operator.cluster.dual.hearing import Hearing
from tandem_operator.cluster.dual.keyring import Keyring
from tandem_operator.cluster.dual.shell import DualShell
from tandem_operator.cluster.dual.starting import Starting
from tandem_operator.cluster.dual.world import DualWorld
from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.plan.dual.acceptance import Place

from tests.operator.cluster.runs import DualRun
from tests.operator.cluster.secured import KEY

IMAGE: Final = "localhost/tandem-reasoning:dev"


class Eyes:
    """Looks at one run, as often as a test says so."""

    def __init__(self, run: DualRun, kube: Kube, ledger_class: str | None = None) -> None:
        self.run, self.key = run, (run.namespace, run.name)
        self._there = set[str]()
        clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
        keyring = Keyring(KEY)
        self.world = DualWorld(lambda _: None, Machines())
        queue = Queue()
        self.hearing = Hearing(keyring, clock, queue)
        site = CurrentSite(Settings(reasoning_image=IMAGE, ledger_class=ledger_class))
        starting = Starting(kube, self.world, site, keyring, made_pod=self.world.put_pod, wrote=lambda _: None)
        applying = Applying(kube, self.world, starting, lambda _: None)
        self.shell = DualShell(self.world, queue, clock, applying=applying, hearing=self.hearing, place=Place(image=IMAGE))

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            found = await asyncio.to_thread(self.run.pods)
            for pod in found.values():
                self.world.put_pod(pod)
            for gone in self._there - found.keys():
                self.world.drop_pod((self.run.namespace, gone))
            self._there = set(found)
            self.world.put_run(await asyncio.to_thread(self.run.found))
            await self.shell.look(self.key)

    def has_heard(self) -> bool:
        line = self.hearing._lines.get(self.key)
        return line is not None and line.heard.newest() is not None

    def hears_plaintext(self) -> bool:
        return self.hearing._lines[self.key].plaintext
