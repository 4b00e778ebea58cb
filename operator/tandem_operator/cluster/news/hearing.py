"""How the operator hears the workers of all runs: one watch on the telemetry service, which tells whose news there is.

Most of it is mere progress. What a run has reached is more: a checkpoint, which people rely on after a loss; the step an attempt went on
from and its first step, with which the account of a fall is closed; another stretch of its training. That is told apart here.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from tandem_rpc import ClientTls, RpcSetupError
from tandem_telemetry.client import Watcher

from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.settings import Settings, stamp

if TYPE_CHECKING:
    from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

_log = logging.getLogger(__name__)
_FOLLOWS_EVERY_S: Final = 30.0  # a kubelet takes a minute to show a new Secret, and its authority is there long before it is needed
_PAUSE_S: Final = 1.0  # thousands of runs speak; to be woken for each word costs more than to hear it


class Hearing:
    """The newest report of every run. Without a service nothing is heard, and runs go on all the same."""

    def __init__(self, settings: Settings, progressed: Callable[[Key], None], reached: Callable[[Key], None]) -> None:
        """Begin to listen.

        Args:
            settings: Where the service is, and how it is known.
            progressed: Told, in the running loop, which run there is news of.
            reached: Told instead which run has reached something.

        Raises:
            tandem_rpc.RpcSetupError: when the settings cannot be used.
        """
        self._loop, self._settings = asyncio.get_running_loop(), settings
        self._progressed, self._reached = progressed, reached
        self._marks: dict[Key, int] = {}
        self._untold: set[Key] = set()
        self._lock = threading.Lock()
        self._known_by = stamp(settings.telemetry_ca)
        self._watcher = self._listening()

    def newest(self, key: Key) -> "WorkerReport | None":
        """The newest report of a run, from whichever attempt."""
        return self._watcher.newest_of(key) if self._watcher else None

    async def follow(self) -> None:
        """Listen anew whenever the certificate that the service is known by is another, until cancelled."""
        while True:
            await asyncio.sleep(_FOLLOWS_EVERY_S)
            await self.renew()

    async def renew(self) -> None:
        """Listen anew if the certificate is another; one that cannot be used just now, while it is exchanged, is tried again later."""
        try:
            if (found := stamp(self._settings.telemetry_ca)) == self._known_by:
                return
            before, self._watcher = self._watcher, self._listening()
        except (OSError, RpcSetupError) as error:
            _log.warning("telemetry is still known by the old certificate: %s", error)
            return
        self._known_by = found
        if before is not None:
            await asyncio.to_thread(before.close)

    def close(self) -> None:
        """Listen no more."""
        if self._watcher is not None:
            self._watcher.close()

    def _listening(self) -> Watcher | None:
        settings = self._settings
        if settings.telemetry is None:
            return None
        tls = ClientTls(ca=settings.telemetry_ca) if settings.telemetry_ca else None
        return Watcher(settings.telemetry, settings.token_file, settings.namespace, on_change=self._news, tls=tls, pause_s=_PAUSE_S)

    def _news(self, keys: Collection[Key]) -> None:
        """Called in the watcher's thread; the loop is woken once for all the news that it has not taken in yet."""
        with self._lock:
            first = not self._untold
            self._untold.update(keys)
        if first and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        with self._lock:
            told, self._untold = self._untold, set()
        for key in told:
            (self._reached if self._further(key) else self._progressed)(key)

    def _further(self, key: Key) -> bool:
        """Whether a run has reached something since it was heard last."""
        said = self._watcher.last_word_of(key) if self._watcher else None
        if said is None:
            self._marks.pop(key, None)
            return False
        before, mark = self._marks.get(key), _mark(said)
        self._marks[key] = mark
        return mark != before


def _mark(said: "WorkerReport") -> int:
    """What a run has reached, as a number: thousands of them are kept."""
    source, saved = said.source, said.checkpoint
    going = said.resumed_from_step, said.first_step_at.seconds, said.training_phase
    return hash((source.uid, source.attempt, *going, saved.step, said.checkpoint_problem))
