"""Telling what happened: in the log at once, and as events of the API when that has time, for no run waits for its events.

An event is no wish and contradicts nobody, so it needs no Lease: who has lost it tells to the end what happened while it acted.
What cannot be written before this process leaves stands in the log, and its outcome in the status of the run, which was written before.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.paths import Kind
from tandem_operator.plan.values import Event, EventKind

from .happened import event

_log = logging.getLogger(__name__)
_MOST_UNTOLD: Final = 10_000
_AT_ONCE: Final = 4  # beside 32 looks: a crowd of runs tells of each twice
_LAST_AT_ONCE: Final = 32  # nobody looks any more
_PAUSE_S: Final = 1.0
_TRIES: Final = 5  # of an event that the server has trouble with, such as a webhook of that namespace that does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Untold:
    """What happened; as the API has it, it would be five times as large."""

    event: Event
    key: Key
    uid: str
    at: datetime
    tries: int = 1


class Telling:
    """Tells what happened."""

    def __init__(self, kube: Kube, kind: Kind, wrote: Callable[[str], None]) -> None:
        """Tell what happened to runs of a kind to the API server of `kube`; `wrote` is told of everything that was written."""
        self._kube, self._kind, self._wrote = kube, kind, wrote
        self._untold = deque[_Untold]()
        self._told = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Events that wait to be written."""
        return len(self._untold)

    def say(self, events: tuple[Event, ...], key: Key, uid: str, now: datetime) -> None:
        """Tell what happened to a run."""
        for number, each in enumerate(events):
            _log.info("%s/%s: %s: %s", *key, each.reason, each.message)
            if len(self._untold) >= _MOST_UNTOLD:
                left_out = self._untold.popleft()
                _log.warning("%s/%s: too many events wait to be written; %s is left out", *left_out.key, left_out.event.reason)
            at = now + timedelta(microseconds=number)  # people sort them by their time
            self._untold.append(_Untold(event=each, key=key, uid=uid, at=at))
            self._told.set()

    async def tell(self) -> None:
        """Write the events that wait, until cancelled."""
        while True:
            await self._told.wait()
            self._told.clear()
            await self._tell_all(_AT_ONCE)

    async def last_words(self, within_s: float) -> None:
        """Write the events that wait, warnings first, before this process leaves."""
        self._untold = deque(sorted(self._untold, key=lambda each: each.event.kind is not EventKind.WARNING))
        try:
            async with asyncio.timeout(within_s):
                await self._tell_all(_LAST_AT_ONCE)
        except TimeoutError:
            _log.warning("%d events were not written; they stand in the log, and in the status of their runs", len(self._untold))

    async def _tell_all(self, at_once: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(self._untold))):
                group.create_task(self._tell_some())

    async def _tell_some(self) -> None:
        while self._untold:
            each = self._untold.popleft()
            try:
                await self._tell_one(each)
            except asyncio.CancelledError:
                self._untold.appendleft(each)
                raise

    async def _tell_one(self, untold: _Untold) -> None:
        key = untold.key
        try:
            await self._kube.note(paths.events(key[0]), event(untold.event, self._kind, key, untold.uid, untold.at))
        except KubeError as error:
            if error.silent:
                await asyncio.sleep(_PAUSE_S)
                self._untold.appendleft(untold)
            elif error.passing and untold.tries < _TRIES:
                await asyncio.sleep(_PAUSE_S)
                self._untold.append(replace(untold, tries=untold.tries + 1))
            elif not error.exists:  # told already, but we did not hear the answer
                _log.warning("%s/%s: event %s was not written: %s", *key, untold.event.reason, error)
        else:
            self._wrote("event")
