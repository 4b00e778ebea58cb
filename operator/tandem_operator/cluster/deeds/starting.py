"""Starting workers: the name that they find each other by, then their pods. What is there already is as good, if it is of this run.

A run may follow at once on another of its name, of which the server has not cleared away everything yet. Then its workers wait: a pod
of the old run would stand in for one of the new, and a Service of the old run would go when its owner is collected.
"""

from collections.abc import Awaitable, Callable, Iterable

from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster import paths
from tandem_operator.cluster.known.world import World
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json, parts, text
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.together import all_over
from tandem_operator.cluster.seen import waits
from tandem_operator.cluster.seen.pods import SeenPod
from tandem_operator.plan.dual.values import SeenPart
from tandem_operator.plan.values import SeenWorker, Tier, Waiting, Worker
from tandem_operator.render.cluster_site import PodSite
from tandem_operator.render.pod import pod
from tandem_operator.render.service import rendezvous_service

from .taken import Taken, not_left
from .unheard import Unheard

Site = Callable[[], PodSite]


class Starting:
    """Starts workers."""

    def __init__(self, kube: Kube, world: World, site: Site, *, made_pod: Callable[[Json], None], wrote: Callable[[str], None]) -> None:
        """Start them with `kube`.

        Args:
            kube: The API server.
            world: What is known of it.
            site: Tells what workers are told of this cluster.
            made_pod: Told of every pod that was made, so that the next look need not wait for the watch to tell of it.
            wrote: Told the kind of everything that was written.
        """
        self._kube, self._world, self._site, self.made_pod, self._wrote = kube, world, site, made_pod, wrote
        self.taken = Taken(kube, made_pod=made_pod, wrote=wrote)
        self.unheard = Unheard(kube, made_pod)

    async def start(self, workers: tuple[Worker, ...], run: TrainingRun) -> Waiting | None:
        """Start workers; why not all of them could be, where that is known.

        Raises:
            KubeError: when it is not known, or nobody's fault.
        """
        key = run.metadata.key
        if left := left_behind((worker for _, worker in self._world.strangers(key, run.metadata.uid)), run.metadata.namespace):
            return left
        if taken := await self.taken.still(run, {worker.name for worker in workers}):
            await self._take_back(run)
            return taken
        self._world.keep(self._pods(run))
        if service := rendezvous_service(run):
            refused = await attempted(self._serve(service, run))
            if refused:
                return refused
        refusals = await all_over(*(attempted(self._begin(worker, run)) for worker in workers))
        await self._take_back(run)
        return next((refusal for refusal in refusals if refusal), None)

    async def _take_back(self, run: TrainingRun) -> None:
        """Workers that wait for one whose name is taken would only hold their machines: whoever could not be deleted is tried again."""
        if self.taken.holds_up(run):
            await all_over(*(self._delete(pod, run) for pod in self._pods(run) if pod.worker.exit_code is None))

    def _pods(self, run: TrainingRun) -> tuple[SeenPod, ...]:
        return self._world.pods_of(run.metadata.key, run.metadata.uid)

    async def _delete(self, pod: SeenPod, run: TrainingRun) -> None:
        """Have a worker be gone, as if it had never been started."""
        with self._world.taking_back(pod):
            await self.taken.give_back([(pod.name, pod.uid)], run, at_once=True)

    async def _serve(self, service: Json, run: TrainingRun) -> Waiting | None:
        """Have the Service that workers find each other by."""
        collection, name = paths.services(run.metadata.namespace), text(service, "metadata", "name")
        try:
            await self._kube.create(collection, service)
        except KubeError as error:
            if not error.exists:
                raise
            return _owned(await self._kube.get(f"{collection}/{name}"), run)
        self._wrote("service")
        return None

    async def _begin(self, worker: Worker, run: TrainingRun) -> Waiting | None:
        """Have the pod of a worker."""
        namespace = run.metadata.namespace
        try:
            made = await self._kube.create(paths.pods(namespace), pod(worker, run, self._site()))
        except KubeError as error:
            if not error.exists:
                self.unheard.note(run, error)
                raise
            ours = self._world.has_pod((namespace, run.name), worker.name, run.metadata.uid)
            return None if ours else await self.taken.by(worker.name, run)
        self._wrote("pod")
        self.made_pod(made)
        return None


def left_behind(strangers: Iterable[SeenWorker | SeenPart], namespace: str) -> Waiting | None:
    """What a run waits for while pods of a deleted run of its name live. They leave by themselves, unless somebody has kept them."""
    left = next((each for each in strangers if each.live), None)
    if left is None:
        return None
    advice = "" if left.stopping else f", and was not asked to: `kubectl delete pod {left.name} -n {namespace}` unless it goes by itself"
    return Waiting(tier=Tier.START, message=f"{not_left(left.name)}{advice}")


async def attempted(attempt: Awaitable[Waiting | None]) -> Waiting | None:
    """What came of an attempt to start something, a refusal of the API server included.

    Raises:
        KubeError: when it is not known what came of it, or nobody's fault.
    """
    try:
        return await attempt
    except KubeError as error:
        if not error.refused:
            raise
        return waits.refused(error.status, str(error))


def _owned(service: Json, run: TrainingRun) -> Waiting | None:
    """What a run waits for whose Service was there already: that of an earlier run goes with it, any other is for people to take away."""
    name, owners = text(service, "metadata", "name"), parts(service, "metadata", "ownerReferences")
    if any(text(owner, "uid") == run.metadata.uid for owner in owners):
        return None
    if any(text(owner, "kind") == run.kind for owner in owners):
        return Waiting(tier=Tier.START, message=f"Service {name} is there already, and is not of this run")
    message = f"Service {name} is there already, and is no run's: delete it, or give the run another name"
    return Waiting(tier=Tier.MISCONFIGURED, message=message)
