"""Records that searches have found lately, as they are sent: what was found is often found again, and costs more to read than to find.

For each record that it reads LMDB lets others have the interpreter, and has to wait until it is back: ten times a search. Here is nothing
that is not in the log as well: a record that was removed or judged is dropped before that is answered, and what was read before and
is handed in after that is not taken.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence

from tandem_memory.store import Added, Effect, Gone, Used

_MOST_BYTES = 32 << 20  # of records, and as much again of what keeps them in order if they are small: 50,000 of 600 bytes
_LARGE_BYTES = 64 << 10  # a record as large costs more to send than to read

Known = dict[int, bytes]


class Recalled:
    """Two generations of records: what is in the older one and is not asked for until the newer one is full is dropped."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._newer, self._older = dict[int, Known](), dict[int, Known]()
        self._bytes = self._changes = 0

    def of(self, namespace: int, positions: Iterable[int]) -> tuple[Known, int]:
        """Those of the records that are here, and how often anything has changed so far, for `keep`."""
        found = Known()
        with self._lock:
            newer, older = self._newer.get(namespace, {}), self._older.get(namespace, {})
            for position in positions:
                packed = newer.get(position)
                if packed is None and (packed := older.get(position)) is not None:
                    self._put(namespace, position, packed)
                if packed is not None:
                    found[position] = packed
            return found, self._changes

    def keep(self, namespace: int, read: Mapping[int, bytes], changes: int) -> None:
        """Keep records that were read since `of`, unless anything has changed meanwhile."""
        with self._lock:
            if changes == self._changes:
                for position, packed in read.items():
                    if len(packed) < _LARGE_BYTES:
                        self._put(namespace, position, packed)

    def learn(self, effects: Sequence[Effect]) -> None:
        """Drop what is not as it was."""
        for effect in effects:
            match effect:
                case Added():
                    pass
                case Gone():
                    self._drop(effect.namespace.number, effect.positions)
                case Used():
                    self._drop(effect.namespace.number, (effect.position,))

    def catch_up(self) -> None:
        """Drop everything: something happened that nobody told of."""
        with self._lock:
            self._changes += 1
            self._newer, self._older, self._bytes = {}, {}, 0

    def _drop(self, namespace: int, positions: Sequence[int]) -> None:
        with self._lock:
            self._changes += 1
            for known in (self._newer.get(namespace, {}), self._older.get(namespace, {})):
                for position in positions:
                    known.pop(position, None)

    def _put(self, namespace: int, position: int, packed: bytes) -> None:
        self._newer.setdefault(namespace, {})[position] = packed
        self._bytes += len(packed)
        if self._bytes > self._most_bytes // 2:
            self._newer, self._older, self._bytes = {}, self._newer, 0
