"""How the operator hears the coordinators of DualRuns: one watch for each run that is under way.

A watch takes a file and a thread, and a machine can be out of either. Then a run is cared for like any whose coordinator says nothing, and
that is tried again later: no plan may need more than is there.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tandem_rpc import ClientTls, RpcSetupError

from tandem_operator.api.dual_run import DualBudgetSpec, DualRun
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.turns.queue import Queue
from tandem_operator.coordination import Coordination
from tandem_operator.plan.dual.values import DualReport
from tandem_operator.render.dual import objects

from .keyring import Keyring
from .news import News

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Line:
    uid: str
    heard: Coordination
    plaintext: bool
    budget: DualBudgetSpec


class Hearing:
    """The newest report of every run."""

    def __init__(self, keyring: Keyring, now: Callable[[], datetime], queue: Queue) -> None:
        """Hear nobody yet; `now` tells when a word came, and `queue` is asked, in the running loop, for a look at whoever has spoken."""
        self._keyring, self._now, self._news, self._loop = keyring, now, News(queue), asyncio.get_running_loop()
        self._lines: dict[Key, _Line] = {}
        self._troubles: dict[Key, str] = {}

    def newest(self, run: DualRun) -> DualReport | None:
        """What the coordinator of a run said last; None until it was heard."""
        line = self._line(run)
        return line.heard.newest() if line else None

    def listen(self, run: DualRun, *, plaintext: bool = False) -> bool:
        """Listen to the coordinator of a run until the run is forgotten; whether that goes, else it is to be tried again later.

        `plaintext` says that it speaks no TLS, as those of an earlier release.
        """
        if (line := self._line(run)) and line.plaintext == plaintext:
            line.budget = run.spec.budget
            return True
        key = run.metadata.key
        self._end(key)
        try:
            heard = self._listening(run, key, plaintext=plaintext)
            self._lines[key] = _Line(uid=run.metadata.uid, heard=heard, plaintext=plaintext, budget=run.spec.budget)
        except (OSError, RuntimeError, RpcSetupError) as error:
            self._trouble(key, (error.strerror if isinstance(error, OSError) else None) or str(error))
            self._withdraw(run.metadata.uid)
            return False
        if self._troubles.pop(key, None):
            _log.info("%s/%s: its coordinator is listened to again", *key)
        return True

    def digest(self, run: DualRun) -> str:
        """What tells the credentials that it is heard by from others."""
        return self._keyring.of(run).digest

    def forget(self, key: Key) -> None:
        """Listen to a run no more."""
        self._troubles.pop(key, None)
        self._end(key)

    async def close(self) -> None:
        """Listen to nobody any more."""
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(asyncio.to_thread(line.heard.close) for line in lines))

    def _line(self, run: DualRun) -> _Line | None:
        """The line to the coordinator of this very run."""
        line = self._lines.get(run.metadata.key)
        return line if line and line.uid == run.metadata.uid else None

    def _end(self, key: Key) -> None:
        """End a line, if there is one."""
        self._news.forget(key)
        line = self._lines.pop(key, None)
        if line is None:
            return
        try:
            self._loop.run_in_executor(None, line.heard.close)
        except RuntimeError as error:  # no thread for it, and it waits there for the next one
            _log.warning("%s/%s: its coordinator is listened to a while longer: %s", *key, error)
        self._withdraw(line.uid)

    def _withdraw(self, uid: str) -> None:
        """Have the file gone that holds the token of a run."""
        try:
            self._keyring.forget(uid)
        except OSError as error:
            _log.warning("%s cannot be removed: %s", error.filename, error.strerror)

    def _trouble(self, key: Key, trouble: str) -> None:
        """Say why a coordinator cannot be listened to, once for each reason."""
        if self._troubles.get(key) != trouble:
            self._troubles[key] = trouble
            _log.warning("%s/%s: its coordinator cannot be listened to yet, and its run goes on without: %s", *key, trouble)

    def _listening(self, run: DualRun, key: Key, *, plaintext: bool) -> Coordination:
        token, address = self._keyring.token_file(run), objects.address(run)
        tls = None if plaintext else ClientTls(ca=self._keyring.of(run).certificate.encode())
        return Coordination(address, token, tls=tls, plaintext=plaintext, now=self._now, on_change=lambda: self._spoke(key))

    def _spoke(self, key: Key) -> None:
        """Called in another thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hear, key)

    def _hear(self, key: Key) -> None:
        """Ask for the look that the newest word is worth; of whom nobody listens to any more there is no news."""
        line = self._lines.get(key)
        if line and (said := line.heard.newest()):
            self._news.heard(key, said, line.budget)
