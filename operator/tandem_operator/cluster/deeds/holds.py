"""Which runs hold on to their machines: one PodDisruptionBudget a run, made when it first runs, and changed only when that changes."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, part, parts, text
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.render.manifest import SELECTOR

_log = logging.getLogger(__name__)
_EVERY_S: Final = 600.0
_Hold = tuple[str, int | str]  # whose it is, and how many of its workers are held; somebody else may have written a percentage


class Holds:
    """What the budgets of all runs say, as far as they exist."""

    def __init__(self, kube: Kube, wrote: Callable[[str], None]) -> None:
        self._kube, self._wrote = kube, wrote
        self._known: dict[Key, _Hold] = {}
        self._refused: dict[Key, _Hold] = {}
        self._unsure = set[Key]()  # what was last written of them was not answered: it may have been done, or not
        self._unread = set[str]()  # namespaces in which another operator has written, since we have looked
        self._reading = asyncio.Lock()

    async def read(self, namespace: str) -> None:
        """Learn what an operator before us has written."""
        self._known = await self._listed(namespace)

    async def follow(self, namespace: str, changed: Callable[[Key], None]) -> None:
        """Every ten minutes, see to it that what others have deleted or changed, or a quota has refused, is put right.

        Args:
            namespace: Where; everywhere when empty.
            changed: Told of each run whose budget is not as it was written.
        """
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self.compare(namespace, changed)
            except KubeError as error:
                _log.warning("disruption budgets could not be compared: %s", error)

    async def compare(self, namespace: str, changed: Callable[[Key], None]) -> None:
        """Compare once."""
        written, refused = dict(self._known), tuple(self._refused)
        found = await self._listed(namespace)
        others = [key for key, hold in written.items() if self._known.get(key) == hold != found.get(key)]
        for key in others:
            del self._known[key]
        strange = found.keys() - written.keys() - self._known.keys()  # written by an operator that was here meanwhile
        self._known |= {key: found[key] for key in (*others, *strange) if key in found}
        for key in refused:
            self._refused.pop(key, None)
        for key in (*others, *strange, *refused):
            changed(key)

    def distrust(self, namespace: str) -> None:
        """Another operator has cared for the runs of a namespace: what it has written there is read before anything is decided by it."""
        self._unread.add(namespace)

    async def _known_of(self, key: Key) -> _Hold | None:
        """What a budget says; None when there is none."""
        async with self._reading:  # what is written after one reading is not to be overwritten by another
            if key[0] in self._unread:
                found = await self._listed(key[0])
                self._known = {other: hold for other, hold in self._known.items() if other[0] != key[0]} | found
                self._unread.discard(key[0])
        if key in self._unsure:
            found = await self._listed(key[0], fieldSelector=f"metadata.name={key[1]}")
            self._known.pop(key, None)
            self._known |= found
            self._unsure.discard(key)
        return self._known.get(key)

    async def _listed(self, namespace: str, **only: str) -> dict[Key, _Hold]:
        listed: dict[Key, _Hold] = {}
        async for page in self._kube.pages(paths.budgets(namespace), labelSelector=SELECTOR, **only):
            for found in parts(page, "items"):
                owners = parts(found, "metadata", "ownerReferences")
                listed[_key(found)] = (text(owners[0], "uid") if owners else "", _least(found))
        return listed

    async def let_go(self, key: Key, uid: str) -> None:
        """Have the budget of a run that cannot be read, if it has one, hold nothing; the rest of it stays as it was written."""
        known = await self._known_of(key)
        if known is None or known[0] != uid or not known[1]:
            return
        self._unsure.add(key)
        try:
            await self._kube.merge(f"{paths.budgets(key[0])}/{key[1]}", {"spec": {"minAvailable": 0}})
        except KubeError as error:
            if not error.gone:
                raise
        self._written(key, (uid, 0))

    async def keep(self, budget: Json, uid: str, *, hold: bool) -> None:
        """Have the budget of a run be as it is wanted. One that holds nothing need not be made.

        A run whose budget is refused, by a quota perhaps, goes on without.

        Raises:
            KubeError: when it is not known whether it was written, or nobody's fault that it was not.
        """
        key, wanted = _key(budget), (uid, _least(budget))
        known = await self._known_of(key)
        if wanted in {known, self._refused.get(key)} or (not hold and (known is None or known[0] != uid)):
            return
        self._unsure.add(key)
        try:
            await self._write(key, budget, new=known is None)
        except KubeError as error:
            if not (error.refused or (known is None and error.exists)):
                raise
            _log.warning("%s/%s: its workers cannot be held where they are: %s", *key, error)
            self._refused[key] = wanted
            self._unsure.discard(key)
        else:
            self._written(key, wanted)

    def _written(self, key: Key, hold: _Hold) -> None:
        self._known[key] = hold
        self._unsure.discard(key)
        self._wrote("disruption_budget")

    async def _write(self, key: Key, budget: Json, *, new: bool) -> None:
        """Write a budget. One of that name that is somebody else's stays as it is, and exists already."""
        if new:
            try:
                await self._kube.create(paths.budgets(key[0]), budget)
            except KubeError as error:
                if not error.exists or key not in await self._listed(key[0]):
                    raise
            else:
                return
        await self._kube.apply(f"{paths.budgets(key[0])}/{key[1]}", budget)

    def forget(self, key: Key) -> None:
        """The run is gone, and its budget with it."""
        self._known.pop(key, None)
        self._refused.pop(key, None)
        self._unsure.discard(key)


def _key(found: Json) -> Key:
    return text(found, "metadata", "namespace"), text(found, "metadata", "name")


def _least(found: Json) -> int | str:
    return part(found, "spec").get("minAvailable", 0)
