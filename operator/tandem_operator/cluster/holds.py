"""Which runs hold on to their machines: one PodDisruptionBudget a run, made when it first runs, and changed only when that changes."""

from collections.abc import Callable

from . import paths
from .kube.client import Kube
from .kube.document import Json, part, parts, text
from .kube.informer import Key

_SELECTOR = "app.kubernetes.io/managed-by=tandem"
_PAGE = 500


class Holds:
    """What the budgets of all runs say, as far as they exist."""

    def __init__(self, kube: Kube, wrote: Callable[[str], None]) -> None:
        self._kube, self._wrote = kube, wrote
        self._known: dict[Key, tuple[str, int]] = {}

    async def read(self, namespace: str) -> None:
        """Learn what an operator before us has written."""
        more = ""
        while True:
            page = await self._kube.get(
                paths.budgets(namespace), labelSelector=_SELECTOR, limit=_PAGE, **({"continue": more} if more else {})
            )
            for found in parts(page, "items"):
                owners = parts(found, "metadata", "ownerReferences")
                self._known[_key(found)] = (text(owners[0], "uid") if owners else "", _least(found))
            more = text(page, "metadata", "continue")
            if not more:
                return

    async def keep(self, budget: Json, uid: str, *, hold: bool) -> None:
        """Have the budget of a run be as it is wanted. One that holds nothing need not be made."""
        key, known = _key(budget), self._known.get(_key(budget))
        wanted = (uid, _least(budget))
        if known == wanted or (not hold and (known is None or known[0] != uid)):
            return
        await self._kube.apply(f"{paths.budgets(key[0])}/{key[1]}", budget)
        self._known[key] = wanted
        self._wrote("disruption_budget")

    def forget(self, key: Key) -> None:
        """The run is gone, and its budget with it."""
        self._known.pop(key, None)


def _key(found: Json) -> Key:
    return text(found, "metadata", "namespace"), text(found, "metadata", "name")


def _least(found: Json) -> int:
    return int(part(found, "spec").get("minAvailable", 0))
