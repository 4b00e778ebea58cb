"""The pods of all runs of one kind, each at its newest version, with what was seen of it by our own eyes."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Generic, TypeVar

from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.seen.sighting import NEVER, SightedPod

from .machines import Machines

_Pod = TypeVar("_Pod", bound=SightedPod)


class Pods(Generic[_Pod]):
    """Those that are there."""

    def __init__(self, machines: Machines, changed: Callable[[Key], None]) -> None:
        """Begin with none; `changed` is told which run a change of one of `machines` is news for."""
        self._machines, self._changed = machines, changed
        self._of: defaultdict[Key, dict[str, _Pod]] = defaultdict(dict)
        self._owner: dict[Key, Key] = {}
        machines.listen(self._machine_changed)
        machines.remarks.listen(self._remarked)

    def put(self, key: Key, seen: _Pod | None) -> _Pod | None:
        """The pod of this key was seen, if it is one; it as it is kept, if that is news."""
        if seen is None or (known := self._of[seen.run].get(seen.name)) == seen:
            return None
        before = known.sighting if known and known.uid == seen.uid else NEVER
        sighting = self._machines.sighted(before, placed=bool(seen.node), grace_s=seen.grace_s)
        kept = self._of[seen.run][seen.name] = replace(seen, sighting=sighting)
        self._owner[key] = seen.run
        return kept

    def drop(self, key: Key) -> _Pod | None:
        """The pod of this key is gone; it as it was known last, if it was."""
        run = self._owner.pop(key, None)
        if run is None:
            return None
        left = self._of[run].pop(key[1], None)
        if not self._of[run]:
            del self._of[run]
        return left

    def of(self, run: Key) -> Mapping[str, _Pod]:
        """Those of a run, and of others of its name, by their names."""
        return self._of.get(run, {})

    def _machine_changed(self, name: str) -> None:
        for run, pods in list(self._of.items()):
            if any(pod.node == name for pod in pods.values()):
                self._changed(run)

    def _remarked(self, key: Key) -> None:
        if run := self._owner.get(key):
            self._changed(run)
