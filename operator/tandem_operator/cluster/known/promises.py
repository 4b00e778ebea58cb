"""Machines that are on their way, as autoscalers tell it of a pod: by an event, once they have asked their cloud for one.

Karpenter writes Nominated; the Cluster Autoscaler, GKE's too, writes TriggeredScaleUp. The scheduler goes on saying that there is no
room, which there is not yet. Whether a machine comes is up to the cloud, so a promise is believed for as long as one takes to come.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, text
from tandem_operator.cluster.kube.informer import Key, key_of
from tandem_operator.plan.values import Tier, Waiting

SELECTORS: Final = tuple(f"regarding.kind=Pod,reason={reason}" for reason in ("Nominated", "TriggeredScaleUp"))
"""Field selectors of the events that are promises."""

_BELIEVED: Final = timedelta(minutes=10)  # one with cards takes some; autoscalers themselves give one up after fifteen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Promise:
    event: Key
    at: datetime
    said: str


class Promises:
    """What was promised to pods, by their uids."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Begin with none; `now` tells the time that events are dated by."""
        self._now = now
        self._of: dict[str, _Promise] = {}
        self._whose: dict[Key, str] = {}
        self._listeners: list[Callable[[Key], None]] = []

    def listen(self, promised: Callable[[Key], None]) -> None:
        """Have `promised` told the key of every pod that something was promised to."""
        self._listeners.append(promised)

    def put(self, event: Json) -> None:
        """An event that matches one of `SELECTORS` was seen."""
        pod, key = part(event, "regarding"), key_of(event)
        promise = _Promise(event=key, at=_at(event), said=_said(event))
        uid = self._whose[key] = text(pod, "uid")
        if (known := self._of.get(uid)) and known.at > promise.at:
            return
        self._of[uid] = promise
        for promised in self._listeners:
            promised((text(pod, "namespace"), text(pod, "name")))

    def drop(self, key: Key) -> None:
        """An event is gone: API servers keep them for an hour."""
        uid = self._whose.pop(key, "")
        if (known := self._of.get(uid)) and known.event == key:
            del self._of[uid]

    def considered(self, uid: str, waiting: Waiting | None) -> Waiting | None:
        """What a pod waits for, which the scheduler calls want of room: a machine that is on its way, if one was promised lately."""
        promise = self._of.get(uid)
        if not promise or not waiting or waiting.tier is not Tier.NO_CAPACITY or self._now() - promise.at > _BELIEVED:
            return waiting
        return replace(waiting, tier=Tier.NODE, message=f"{promise.said}; until then: {waiting.message}")


def _said(event: Json) -> str:
    who = text(event, "reportingController") or text(event, "deprecatedSource", "component")
    return f"{who}: {text(event, 'note')}" if who else text(event, "note")


def _at(event: Json) -> datetime:
    """When it was said last, however its author dates events: there are two ways, and the time at which it was stored."""
    dates = text(event, "series", "lastObservedTime"), text(event, "deprecatedLastTimestamp"), text(event, "eventTime")
    date = next(filter(None, dates), text(event, "metadata", "creationTimestamp"))
    return datetime.fromisoformat(date).astimezone(UTC)
