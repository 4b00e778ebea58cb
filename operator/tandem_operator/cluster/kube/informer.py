"""What there is of one kind, followed by list and watch: told of every change, the deletions that a watch has slept through included.

As client-go's reflector does it: list, then watch from the version of the list; go on from the last bookmark when the stream
ends; list again when the server has forgotten that version (410), and tell what is missing from the new list as deleted.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from sys import intern
from typing import Final

from .backoff import backoff_s
from .client import Kube
from .document import Json, parts, text
from .errors import KubeError

_log = logging.getLogger(__name__)
_STREAM_S: Final = 300  # the server ends each stream after so long
_SILENT_S: Final = 90.0  # bookmarks come about once a minute
_AT_ONCE_S: Final = 1.0  # a stream that ends so early was none: to open it again and again would be a storm
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 30.0

Key = tuple[str, str]
"""Namespace and name."""


def key_of(found: Json) -> Key:
    """The key of an object as the API has it."""
    metadata = found["metadata"]
    return intern(metadata.get("namespace", "")), intern(metadata["name"])  # a dozen tables know an object, each by a key of its own


class Informer:
    """Follows one kind of object, from `follow` on.

    Attributes:
        synced: Set once everything that was there at the start has been told.
    """

    def __init__(
        self,
        kube: Kube,
        path: str,
        changed: Callable[[Json], None],
        gone: Callable[[Key], None],
        selector: str = "",
        *,
        fields: str = "",
        bookmarks: bool = True,
    ) -> None:
        """Follow what is at `path`.

        Args:
            kube: The API server.
            path: Of the collection.
            changed: Told of every object that is new or different.
            gone: Told of every object that was deleted.
            selector: Label selector; the server sends nothing else.
            fields: Field selector, likewise.
            bookmarks: Whether the server says something now and then though nothing happens, as it does not of events.
        """
        self._kube, self._path = kube, path
        self._changed, self._gone = changed, gone
        chosen = {"labelSelector": selector, "fieldSelector": fields}
        self._query: Mapping[str, str] = {name: said for name, said in chosen.items() if said}
        self._silent_s = _SILENT_S if bookmarks else _STREAM_S + _SILENT_S
        self._known: dict[Key, int] = {}
        self._version = ""
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._opened_at = self._loop.time()
        self.synced = asyncio.Event()

    def age_s(self, now: float) -> float:
        """Seconds since the server was last heard of, by the clock of the running loop; at first, since this informer was made."""
        return now - self._heard_at

    async def follow(self) -> None:
        """List and watch until cancelled, through everything that can go wrong."""
        failures = 0
        while True:
            error, self._opened_at = None, float("inf")
            try:
                if not self._version:
                    await self._list()
                await self._watch()
            except KubeError as raised:
                error = raised
            lasted = self._loop.time() - self._opened_at >= _AT_ONCE_S
            failures = int(error is not None) if lasted else failures + 1
            if error:
                self._recover(error, failures)
            await self._pause(failures, at_least_s=error.retry_after_s or 0.0 if error else 0.0)

    def _recover(self, error: KubeError, failures: int) -> None:
        if error.expired:
            self._version = ""
        if failures > 1:
            _log.warning("watch of %s: %s; watching again", self._path, error)

    async def _pause(self, failures: int, *, at_least_s: float = 0.0) -> None:
        if failures:
            await asyncio.sleep(at_least_s + backoff_s(failures, _FIRST_PAUSE_S, _LONGEST_PAUSE_S))

    def learn(self, found: Json) -> None:
        """An object that we have just written: told at once, unless the watch has told of all that there was then already.

        Without this an answer that comes late would bring back what was deleted in the meantime.
        """
        if _version_of(found) > int(self._version or 0):
            self._tell(found)

    async def _list(self) -> None:
        found, version = set[Key](), ""
        async for page in self._kube.pages(self._path, **self._query):
            for each in parts(page, "items"):
                found.add(key_of(each))
                self._tell(each)
            version = version or text(page, "metadata", "resourceVersion")
        for missing in [key for key, seen in self._known.items() if key not in found and seen <= int(version)]:
            self._forget(missing)
        self._version = version
        self._heard()
        self.synced.set()

    async def _watch(self) -> None:
        query = {**self._query, "allowWatchBookmarks": "true", "timeoutSeconds": _STREAM_S, "resourceVersion": self._version}
        async with self._kube.stream(self._path, self._silent_s, **query) as events:
            self._opened_at = self._loop.time()
            self._heard()
            async for event in events:
                self._heard()
                self._take(event["type"], event["object"])

    def _take(self, kind: str, found: Json) -> None:
        if kind == "ERROR":
            raise KubeError(int(found.get("code", 0)), str(found.get("reason", "")), str(found.get("message", "")))
        if kind != "BOOKMARK":
            self._tell(found)  # of what was deleted, too, its last words: an exit code may stand in it
        if kind == "DELETED" and self._known[key_of(found)] == _version_of(found):  # else another of its name was learnt of already
            self._forget(key_of(found))
        self._version = found["metadata"]["resourceVersion"]

    def _tell(self, found: Json) -> None:
        """Tell of an object, unless a newer version of it is known."""
        key, version = key_of(found), _version_of(found)
        if version >= self._known.get(key, 0):
            self._known[key] = version
            try:
                self._changed(found)
            except Exception:  # noqa: BLE001  whatever somebody has written into one object, all others are looked after
                _log.exception("%s %s/%s cannot be understood, and is passed over", self._path, *key)

    def _forget(self, key: Key) -> None:
        del self._known[key]
        self._gone(key)

    def _heard(self) -> None:
        self._heard_at = self._loop.time()


def _version_of(found: Json) -> int:
    """Versions of one server are in the order in which things were written."""
    return int(text(found, "metadata", "resourceVersion"))
