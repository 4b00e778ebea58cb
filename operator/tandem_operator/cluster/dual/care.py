"""All that cares for DualRuns, put together: what is known of them, who looks at them, who hears them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.news.resync import Resync
from tandem_operator.cluster.paths import DUAL_RUN
from tandem_operator.cluster.settings import CurrentSite, Settings
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.plan.dual.acceptance import Place

from .applying import Applying
from .hearing import Hearing
from .keyring import Keyring
from .shell import DualShell
from .starting import Starting
from .world import DualWorld


class DualCare:
    """The care for all DualRuns.

    Attributes:
        resync: Compares what is known of them with what there is.
        shell: Looks at them.
    """

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        world: DualWorld,
        queue: Queue,
        now: Callable[[], datetime],
        *,
        made_pod: Callable[[Json], None],
        wrote: Callable[[str], None],
    ) -> None:
        """Care for the runs of `world` when `queue` says so, by the time `now`; the other arguments are those of `Starting`."""
        keyring, site = Keyring(settings.key()), CurrentSite(settings)
        self._queue = queue
        self.resync = Resync(kube, world, DUAL_RUN, settings.namespace)
        self._hearing = Hearing(keyring, now, queue)
        starting = Starting(kube, world, site, keyring, made_pod=made_pod, wrote=wrote)
        self._applying = Applying(kube, world, starting, wrote)
        place = Place(image=settings.reasoning_image, keyed=settings.key_file is not None, memory=settings.memory)
        self.shell = DualShell(world, queue, now, applying=self._applying, hearing=self._hearing, place=place)

    async def work(self, known: Awaitable[object]) -> None:
        """Look at runs, from the moment at which all their pods are `known`, until cancelled."""
        await known
        await self._queue.work(self.shell.look)

    async def keep_up(self) -> None:
        """Tell what happened, and compare what is known with what there is, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.resync.run())
            group.create_task(self._applying.telling.tell())

    async def rest(self, within_s: float) -> None:
        """Begin no more looks, and return when those that have begun are over, or after so long."""
        await self._queue.rest(within_s)

    async def last_words(self, within_s: float) -> None:
        """Write the events that wait, and hear nobody any more."""
        await self._applying.telling.last_words(within_s)
        await self._hearing.close()
