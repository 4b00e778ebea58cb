"""What is said of pods in events and nowhere else: that a machine is on its way, or what keeps a container from being started.

Karpenter writes Nominated; the Cluster Autoscaler, GKE's too, writes TriggeredScaleUp, once they have asked their cloud for a machine. The
scheduler goes on saying that there is no room, which there is not yet. Kubelet writes FailedMount, and says of the pod only that its
container is being created. All of it may be over by itself, so it is believed for as long as such a thing takes, and no longer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from tandem_operator.cluster.kube.document import Json, part, text
from tandem_operator.cluster.kube.informer import Key, key_of
from tandem_operator.plan.values import Tier, Waiting

_PROMISES: Final = ("Nominated", "TriggeredScaleUp")
_COMPLAINT: Final = "FailedMount"
SELECTORS: Final = tuple(f"regarding.kind=Pod,reason={reason}" for reason in (*_PROMISES, _COMPLAINT))
"""Field selectors of the events that matter."""

_MISSING: Final = "not found"  # a ConfigMap, a Secret; what else a mount waits for, such as a disk that is being attached, comes by itself
_BELIEVED: Final = timedelta(minutes=10)
"""A machine with cards takes some, and autoscalers give up after fifteen; kubelet repeats itself after two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remark:
    event: Key
    at: datetime
    reason: str
    note: str
    who: str

    def on(self, waiting: Waiting) -> Waiting:
        """What a pod waits for that this is said of."""
        if self.reason in _PROMISES and waiting.tier is Tier.NO_CAPACITY:
            promise = f"{self.who}: {self.note}" if self.who else self.note
            return replace(waiting, tier=Tier.NODE, message=f"{promise}; until then: {waiting.message}")
        if self.reason == _COMPLAINT and waiting.tier is Tier.START and waiting.placed and _MISSING in self.note:
            return replace(waiting, tier=Tier.MISCONFIGURED, message=f"{self.reason}: {self.note}")
        return waiting


class Remarks:
    """What was said of pods last, by their uids."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Begin with none; `now` tells the time that events are dated by."""
        self._now = now
        self._of: dict[str, _Remark] = {}
        self._whose: dict[Key, str] = {}
        self._listeners: list[Callable[[Key], None]] = []

    def listen(self, remarked: Callable[[Key], None]) -> None:
        """Have `remarked` told the key of every pod that something was said of."""
        self._listeners.append(remarked)

    def put(self, event: Json) -> None:
        """An event that matches one of `SELECTORS` was seen."""
        pod, key = part(event, "regarding"), key_of(event)
        said = _remark(key, event)
        uid = self._whose[key] = text(pod, "uid")
        if (known := self._of.get(uid)) and known.at > said.at:
            return
        self._of[uid] = said
        for remarked in self._listeners:
            remarked((text(pod, "namespace"), text(pod, "name")))

    def drop(self, key: Key) -> None:
        """An event is gone: API servers keep them for an hour."""
        uid = self._whose.pop(key, "")
        if (known := self._of.get(uid)) and known.event == key:
            del self._of[uid]

    def considered(self, uid: str, waiting: Waiting) -> Waiting:
        """What a pod waits for, considered what was said of it lately."""
        said = self._of.get(uid)
        return waiting if said is None or self._now() - said.at > _BELIEVED else said.on(waiting)


def _remark(key: Key, event: Json) -> _Remark:
    who = text(event, "reportingController") or text(event, "deprecatedSource", "component")
    return _Remark(event=key, at=_at(event), reason=text(event, "reason"), note=text(event, "note"), who=who)


def _at(event: Json) -> datetime:
    """When it was said last, however its author dates events: there are two ways, and the time at which it was stored."""
    dates = text(event, "series", "lastObservedTime"), text(event, "deprecatedLastTimestamp"), text(event, "eventTime")
    date = next(filter(None, dates), text(event, "metadata", "creationTimestamp"))
    return datetime.fromisoformat(date).astimezone(UTC)
