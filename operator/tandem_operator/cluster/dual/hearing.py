"""How the operator hears the coordinators of DualRuns: one watch for each run that is under way."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.coordination import Coordination
from tandem_operator.plan.dual.values import DualReport
from tandem_operator.render.dual import objects

from .tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    uid: str
    heard: Coordination


class Hearing:
    """The newest report of every run."""

    def __init__(self, tokens: Tokens, now: Callable[[], datetime], changed: Callable[[Key], None]) -> None:
        """Hear nobody yet; `now` tells when a word came, and `changed` is told, in the running loop, which run there is news of."""
        self._tokens, self._now, self._changed, self._loop = tokens, now, changed, asyncio.get_running_loop()
        self._lines: dict[Key, _Line] = {}

    def newest(self, run: DualRun, *, under_way: bool) -> DualReport | None:
        """What the coordinator of a run said last; it is listened to from when the run is `under_way` until it is forgotten."""
        key = (run.metadata.namespace, run.name)
        line = self._lines.get(key)
        if line is None or line.uid != run.metadata.uid:
            self.forget(key)
            if not under_way:
                return None
            line = self._lines[key] = _Line(uid=run.metadata.uid, heard=self._listening(run, key))
        return line.heard.newest()

    def token(self, run: DualRun) -> str:
        """What tells the token that it is heard by from others."""
        return self._tokens.digest(run.metadata.uid)

    def forget(self, key: Key) -> None:
        """Listen to a run no more."""
        if line := self._lines.pop(key, None):
            self._loop.run_in_executor(None, line.heard.close)
            self._tokens.forget(line.uid)

    async def close(self) -> None:
        """Listen to nobody any more."""
        lines, self._lines = list(self._lines.values()), {}
        await asyncio.gather(*(asyncio.to_thread(line.heard.close) for line in lines))

    def _listening(self, run: DualRun, key: Key) -> Coordination:
        token = self._tokens.file(run.metadata.uid)
        return Coordination(objects.address(run), token, plaintext=True, now=self._now, on_change=lambda: self._news(key))

    def _news(self, key: Key) -> None:
        """Called in another thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed, key)
