"""Pods of others under the names of a run's own: whose each is, what people can do about it, and that the run holds no machine meanwhile.

Names are derived, so such a pod is in the way for as long as it is there, and nobody tells us when it goes: its labels are not ours.
What was started beside it would only wait for the one that is missing, on a machine that is paid for: it is taken back.
"""

from collections.abc import Callable, Collection, Iterable

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.status import RunPhase
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster import paths
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, parts, text
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.kube.together import all_over
from tandem_operator.plan.values import Tier, Waiting
from tandem_operator.render.manifest import RUN_UID

from .leaving import Leaving

Pod = tuple[str, str]
"""Name and uid."""


class Taken:
    """The names that runs cannot have."""

    def __init__(self, kube: Kube, *, made_pod: Callable[[Json], None], wrote: Callable[[str], None]) -> None:
        """Find out with `kube`; `made_pod` is told of a pod that turns out to be ours, `wrote` of every pod that is taken back."""
        self._kube, self._made_pod, self._leaving = kube, made_pod, Leaving(kube, wrote)
        self._known: dict[Key, str] = {}

    async def still(self, run: TrainingRun | DualRun, wanted: Collection[str]) -> Waiting | None:
        """What a run waits for that could not have a name when it was last tried; None when that is free, or not `wanted` any more.

        Raises:
            KubeError: when whose it is cannot be found out.
        """
        known = self._known.get(run.metadata.key, "")
        if known and known not in wanted:
            self.forget(run.metadata.key)
            return None
        return await self.by(known, run) if known else None

    async def by(self, name: str, run: TrainingRun | DualRun) -> Waiting | None:
        """What a run waits for that was told that a pod of this name exists; None when the pod is its own, of which we had not heard yet.

        Raises:
            KubeError: when whose it is cannot be found out.
        """
        found = await self._pod(run.metadata.namespace, name)
        ours = found is not None and text(found, "metadata", "labels", RUN_UID) == run.metadata.uid
        if found is None or ours:
            self._known.pop(run.metadata.key, None)
            if found:
                self._made_pod(found)
            return None if ours else Waiting(tier=Tier.START, message=f"pod {name} has only just left")
        if any((text(owner, "kind"), text(owner, "name")) == (run.kind, run.name) for owner in parts(found, "metadata", "ownerReferences")):
            return Waiting(tier=Tier.START, message=not_left(name))
        self._known[run.metadata.key] = name
        return Waiting(tier=Tier.MISCONFIGURED, message=_said(found, run))

    def holds_up(self, run: TrainingRun | DualRun) -> bool:
        """Whether nothing of the run can be of use until a name is free; of a run that is up already, the rest goes on."""
        return run.metadata.key in self._known and run.status.phase is RunPhase.PENDING

    async def give_back(self, pods: Iterable[Pod], run: TrainingRun | DualRun, *, at_once: bool) -> None:
        """Take back what was started beside a name that is taken; `at_once` if it can have done nothing without those that are missing."""
        await all_over(*(self._leaving.have_leave(run.metadata.namespace, *pod, within_s=0 if at_once else None) for pod in pods))

    def forget(self, key: Key) -> None:
        """The run is gone."""
        self._known.pop(key, None)

    async def _pod(self, namespace: str, name: str) -> Json | None:
        """The pod; by a list, for which the right is there, while that to get a pod is not needed for anything else."""
        listed = await self._kube.get(paths.pods(namespace), fieldSelector=f"metadata.name={name}")
        return next(iter(parts(listed, "items")), None)


def not_left(name: str) -> str:
    """That a run waits for the pod of this name, which is of another run of its own name."""
    return f"pod {name} of a deleted run of this name has not left yet"


def _said(pod: Json, run: TrainingRun | DualRun) -> str:
    """Which pod, whose, and what to do."""
    name, namespace = text(pod, "metadata", "name"), run.metadata.namespace
    owner = next((f"{text(each, 'kind')} {text(each, 'name')}" for each in parts(pod, "metadata", "ownerReferences")), "")
    makers = (each for each in parts(pod, "metadata", "managedFields") if not text(each, "subresource"))  # others tell how it fares
    maker = next((text(each, "manager") for each in makers), "")
    whose = f"belongs to {owner}" if owner else f"was made by {maker or 'somebody else'}"
    away = f"take {owner} away" if owner else f"`kubectl delete pod {name} -n {namespace}`"
    return (
        f"pod {name} is there already, and {whose}: {away}, or give the run another name;"
        " it goes on by itself within a minute once the pod is gone, and holds no machine until then"
    )
