"""What is done to the indexes besides: making later searches faster, and snapshots, so that the next start is fast."""

import logging
import threading
import time
from collections.abc import Callable

from tandem_memory.embedded.indexes import Indexes
from tandem_memory.index import Index

# A start replays what came after the last snapshot, at about 20,000 records a second: a twentieth of a million takes 3 seconds.
_LEAST_CHANGES = 10_000
_PART = 20
_PAUSE_S = 0.25  # between looks for something to do
# At the end no further snapshot is begun after so long: each of a small index takes 20 ms to be on the disk, so that thousands of them
# would take longer than the half minute that Kubernetes gives a pod, calls in progress included.
_CLOSING_S = 5.0

_log = logging.getLogger(__name__)


class Upkeep:
    """A thread that looks after indexes while they are searched and written."""

    def __init__(self, indexes: Indexes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._indexes, self._clock = indexes, clock
        self._failed = dict[str, int]()  # how many changes were unsaved when a snapshot failed
        self._stuck = dict[str, int]()  # how far the log had come when an index could not be arranged
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory-upkeep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End, with snapshots of what has changed: what the next start would take longest to read from the log comes first."""
        self._over.set()
        self._thread.join()
        until = self._clock() + _CLOSING_S
        changed = sorted(filter(self._changed, self._indexes.all), key=self._indexes.unsaved, reverse=True)
        for saved, name in enumerate(changed):
            if self._clock() >= until:
                told = "no time for snapshots of %d of %d indexes that changed; the next start reads up to %d changes of each from the log"
                _log.info(told, len(changed) - saved, len(changed), self._indexes.unsaved(name))
                return
            self._save(name)

    def _run(self) -> None:
        while not self._over.wait(_PAUSE_S):
            while not self._over.is_set() and self._slice():
                pass

    def _slice(self) -> bool:
        """Do a little for each index; whether there is more to be done."""
        more = False
        for name, index in tuple(self._indexes.all.items()):
            arranging = self._arrange(name, index)
            more = arranging or more
            if self._due(name, index) or (not arranging and index.outgrown and name not in self._failed):
                self._save(name)
        return more

    def _due(self, name: str, index: Index) -> bool:
        """Whether enough has changed since the last snapshot, or since one that failed."""
        return self._indexes.unsaved(name) >= self._failed.get(name, 0) + max(_LEAST_CHANGES, len(index) // _PART)

    def _changed(self, name: str) -> bool:
        """Whether a snapshot would spare the next start anything."""
        return self._indexes.unsaved(name) > self._failed.get(name, 0) or self._indexes.all[name].outgrown

    def _arrange(self, name: str, index: Index) -> bool:
        if name in self._stuck and index.covers < self._stuck[name] + _LEAST_CHANGES:
            return False
        try:
            return index.upkeep()
        except Exception:  # noqa: BLE001 - it is as true as before, and the others are still looked after
            _log.exception(
                "the index of namespace %r cannot be arranged; until %d more changes it is searched as it is", name, _LEAST_CHANGES
            )
            self._stuck[name] = index.covers
            return False

    def _save(self, name: str) -> None:
        unsaved = self._indexes.unsaved(name)
        try:
            self._indexes.save(name)
        except Exception as error:  # noqa: BLE001 - a library may say of a full disk what it likes; searches and the others go on
            self._failed[name] = unsaved
            told = "no snapshot of the index of namespace %r: %s; the next start takes longer"
            _log.warning(told, name, error, exc_info=not isinstance(error, OSError))
        else:
            self._failed.pop(name, None)
