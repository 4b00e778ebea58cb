"""The runs of one kind as the API server keeps them, each at its newest version, and which of them there is news for.

They are kept as the JSON they came as, compressed, which is a thirtieth of what they take as objects: five thousand of them must fit
into an operator of a hundred megabytes.
"""

import json
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from sys import intern
from typing import Final, cast

from tandem_operator.cluster.kube.document import Json, part, text
from tandem_operator.cluster.kube.informer import Key, key_of

from .refusals import Refusals

_OF_THE_SERVER: Final = {"managedFields", "resourceVersion"}
_MOST_GONE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run as the API server keeps it: what people wrote, and what we did, each as compressed JSON. The same is the same bytes."""

    uid: str
    version: int
    written: bytes
    status: bytes

    @classmethod
    def of(cls, found: Json) -> "StoredRun":
        """The run as the API has it, without what tells which field is whose."""
        metadata = {name: value for name, value in part(found, "metadata").items() if name not in _OF_THE_SERVER}
        written = {name: value for name, value in found.items() if name != "status"} | {"metadata": metadata}
        return cls(
            uid=intern(text(found, "metadata", "uid")),
            version=int(text(found, "metadata", "resourceVersion")),
            written=packed(written),
            status=packed(part(found, "status")),
        )

    def object(self) -> Json:
        """The run, without its version."""
        return {**unpacked(self.written), "status": unpacked(self.status)}


class Runs:
    """The runs of one kind."""

    def __init__(self, changed: Callable[[Key], None], came: Callable[[Key], None] | None = None) -> None:
        """Begin with none.

        Args:
            changed: Told which run there is news for.
            came: Told instead which run was not known before.
        """
        self._changed, self._came = changed, came or changed
        self._runs: dict[Key, StoredRun] = {}
        self._writing: set[Key] = set()
        self._left = set[str]()
        self._gone = deque[str](maxlen=_MOST_GONE)  # uids of runs that a list has missed, and that a watch may still tell of
        self.refusals = Refusals()

    def run(self, key: Key) -> StoredRun | None:
        """A run; None when there is none, or it is left to another operator."""
        return None if key[0] in self._left else self._runs.get(key)

    def runs(self) -> Iterator[tuple[Key, StoredRun]]:
        """Every run, those that are left to another operator included."""
        return iter(self._runs.items())

    def version(self, key: Key) -> int | None:
        """The version of a run that is known, whoever cares for it; None when there is none."""
        known = self._runs.get(key)
        return known.version if known else None

    def leave(self, namespace: str) -> None:
        """From now on the runs of a namespace are left to another operator, as if there were none."""
        self._left.add(namespace)
        for key in self._of(namespace):
            self._forget(key)
            self._changed(key)

    def come_back(self, namespace: str) -> None:
        """The runs of a namespace are left to nobody any more."""
        self._left.discard(namespace)
        for key in self._of(namespace):
            self._changed(key)

    def _of(self, namespace: str) -> list[Key]:
        return [key for key in self._runs if key[0] == namespace]

    def put_run(self, found: Json) -> None:
        """A run was seen; an older version than the one that is known is no news."""
        key = key_of(found)
        if text(found, "metadata", "uid") in self._gone:
            return
        known, new = self._runs.get(key), self._kept(found)
        if new is None:
            return
        if known is None or known.uid != new.uid:
            self._came(key)
        elif key not in self._writing or known.written != new.written:
            self._changed(key)

    @contextmanager
    def writing(self, key: Key) -> Generator[None]:
        """Within it, while a status of ours is on its way, it is no news that a run has another: the watch may tell before we are answered.

        A write that fails is followed by a look in any case.
        """
        self._writing.add(key)
        try:
            yield
        finally:
            self._writing.discard(key)

    def put_answer(self, found: Json) -> None:
        """A run as the answer to a write of ours shows it. It may be gone since, or another of its name be there.

        No news, save in what people wrote: a watch that is older than the definition of runs does not tell of fields that are new in it.
        """
        key = key_of(found)
        known = self._runs.get(key)
        if known is None or known.uid != text(found, "metadata", "uid"):
            return
        new = self._kept(found)
        others_came = new is None and known.version > int(text(found, "metadata", "resourceVersion"))  # and were taken for ours
        if others_came or (new and new.written != known.written):
            self._changed(key)

    def _kept(self, found: Json) -> StoredRun | None:
        """The run, if this is a newer version of it than the one that was known."""
        key = key_of(found)
        known = self._runs.get(key)
        if known and known.version >= int(text(found, "metadata", "resourceVersion")):
            return None
        self._runs[key] = new = StoredRun.of(found)
        return new

    def drop_run(self, key: Key, uid: str) -> None:
        """A run is gone. Another of its name may be there already: the watch tells of each in an order of its own."""
        if uid in self._gone:
            self._gone.remove(uid)
        known = self._runs.get(key)
        if known is None or known.uid != uid:
            return
        del self._runs[key]
        self._forget(key)
        self._changed(key)

    def miss_run(self, key: Key, uid: str) -> None:
        """A run is gone, though the watch, which lags, has not told so: what it still tells of that run is no news."""
        self.drop_run(key, uid)
        self._gone.append(uid)

    def _forget(self, key: Key) -> None:
        """A run is gone, or left to another operator: what else was known of it is of no use any more."""
        self.refusals.forget(key)


def packed(found: Json) -> bytes:
    """JSON, compressed; the same is the same bytes."""
    return zlib.compress(json.dumps(found, separators=(",", ":")).encode())


def unpacked(found: bytes) -> Json:
    """What was packed."""
    return cast("Json", json.loads(zlib.decompress(found)))
