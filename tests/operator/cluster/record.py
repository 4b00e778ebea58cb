"""All that the API server tells of a collection from a moment on. A gap is no silence: whoever reads then is told that there is one.

A watch that ends is begun again at the version that was told last, so nothing is left out (`resourceVersion`, Kubernetes' "Efficient
detection of changes"); where nothing happens, bookmarks keep that version from becoming older than what the server remembers. A server
that has just begun to watch, as after a new definition, remembers nothing: there, what happened is read from the collection as its store
has it at each version since. What is kept from a store that has no history that old, or by a listener that fell, proves nothing.
"""

import json
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Self

from tests.operator.cluster.api import TURN_S, Api, Object, RefusedError
from tests.operator.cluster.runs import eventually

_PAUSE_S = 0.05


class GapError(Exception):
    """Something may have happened that was not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that happened; versions of one API server are in the order of time."""

    version: int
    kind: str  # ADDED, MODIFIED, DELETED
    found: Object

    @property
    def name(self) -> str:
        return self.found["metadata"]["name"]

    @property
    def uid(self) -> str:
        return self.found["metadata"]["uid"]

    @property
    def status(self) -> Object:
        return self.found.get("status", {})

    @property
    def labels(self) -> dict[str, str]:
        return self.found["metadata"].get("labels", {})

    @property
    def attempt(self) -> int:
        return int(self.labels["tandem.dev/attempt"])

    @property
    def live(self) -> bool:
        """Whether a pod may still compute."""
        return self.kind != "DELETED" and self.status.get("phase") not in {"Succeeded", "Failed"}


class Record:
    """What was told of a collection, in its order; may be read from any thread."""

    def __init__(self, api: Api, path: str, version: str, turn_s: int) -> None:
        self._api, self._path, self._since, self._version, self._turn_s = api, path, int(version), version, turn_s
        self._told: list[Told] = []
        self._failure: Exception | None = None
        self._over = threading.Event()

    @classmethod
    @contextmanager
    def of(cls, api: Api, path: str, turn_s: int = TURN_S) -> Generator[Self]:
        """Kept from now on, to the end of it, by watches of that many seconds each."""
        record = cls(api, path, api.get(path)["metadata"]["resourceVersion"], turn_s)
        threading.Thread(target=record._listen, daemon=True).start()
        try:
            yield record
        finally:
            record._over.set()

    @property
    def goes_on(self) -> bool:
        """Whether whatever comes will be told."""
        return self._failure is None

    @property
    def told(self) -> list[Told]:
        """What was told so far.

        Raises:
            GapError: If that need not be all.
        """
        if self._failure:
            msg = f"the record of {self._path} ends at version {self._version}: {self._failure!r}"
            raise GapError(msg) from self._failure
        return self._told

    def whole(self) -> list[Told]:
        """All that has happened up to this call: the newest of every object there is was told, and the end of every other.

        Raises:
            AssertionError: If the record does not come that far.
            GapError: If it never will.
        """
        listed = {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in self._api.items(self._path)}
        eventually(f"the record of {self._path}", lambda: self._has(listed), lambda: f"it is at {self._version}, there is {listed}")
        return self.told

    def _has(self, listed: Mapping[str, str]) -> bool:
        newest = {told.uid: told for told in self.told}
        ended = all(told.kind == "DELETED" for uid, told in newest.items() if uid not in listed)
        changed = {uid: int(version) for uid, version in listed.items() if int(version) > self._since}
        return ended and all(uid in newest and newest[uid].version >= version for uid, version in changed.items())

    def _listen(self) -> None:
        try:
            while not self._over.is_set():
                self._go_on()
                self._over.wait(_PAUSE_S)
        except Exception as error:  # noqa: BLE001  whoever reads is told
            self._failure = error

    def _go_on(self) -> None:
        """Listen from the last version on, until the connection ends."""
        try:
            for kind, found in self._api.watch(self._path, self._version, self._turn_s):
                self._tell(found["metadata"]["resourceVersion"], [(kind, found)] if kind != "BOOKMARK" else [])
        except RefusedError as refusal:
            if refusal.status == 410:
                self._read_up()
            elif refusal.status < 500 and refusal.status != 429:
                raise
        except (OSError, HTTPException, json.JSONDecodeError):
            pass  # nothing happened for long, or it was cut, perhaps in the middle of a line: the next goes on where this one ended

    def _read_up(self) -> None:
        """Tell what made the collection of the last version into that of now, version by version: each changes one object at most.

        Raises:
            RefusedError: If the store has forgotten them too.
        """
        now = int(self._api.get(self._path)["metadata"]["resourceVersion"])
        before = self._objects_at(self._version)
        for version in map(str, range(int(self._version) + 1, now + 1)):
            after = self._objects_at(version)
            new = [("MODIFIED" if uid in before else "ADDED", found) for uid, found in after.items() if found != before.get(uid)]
            gone = [("DELETED", found) for uid, found in before.items() if uid not in after]
            self._tell(version, [*new, *gone])
            before = after

    def _objects_at(self, version: str) -> dict[str, Object]:
        """The collection as it was at that version, by UID."""
        items = self._api.items(self._path, resourceVersion=version, resourceVersionMatch="Exact")
        return {each["metadata"]["uid"]: each for each in items}

    def _tell(self, version: str, happened: Iterable[tuple[str, Object]]) -> None:
        self._version = version
        self._told.extend(Told(version=int(version), kind=kind, found=found) for kind, found in happened)
