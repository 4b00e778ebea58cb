"""Starting the parts of a DualRun. What is there already is as good, if it is of this run: names are derived, and hold the run's uid."""

from collections.abc import Callable

from tandem_operator.api.dual_run import DualRun
from tandem_operator.cluster import paths
from tandem_operator.cluster.deeds.starting import Site, attempted, left_behind
from tandem_operator.cluster.deeds.taken import Taken
from tandem_operator.cluster.deeds.unheard import Unheard
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.together import all_over
from tandem_operator.plan.dual.values import Part, Role
from tandem_operator.plan.values import Waiting
from tandem_operator.render.dual import credentials, objects
from tandem_operator.render.dual.parts import pod_of

from .keyring import Keyring
from .world import DualWorld


class Starting:
    """Starts parts."""

    def __init__(
        self, kube: Kube, world: DualWorld, site: Site, keyring: Keyring, *, made_pod: Callable[[Json], None], wrote: Callable[[str], None]
    ) -> None:
        """Start them with `kube`; `made_pod` is told of every pod that was made, `wrote` the kind of everything that was written."""
        self._kube, self._world, self._site, self._keyring = kube, world, site, keyring
        self._made_pod, self._wrote = made_pod, wrote
        self.taken = Taken(kube, made_pod=made_pod, wrote=wrote)
        self.unheard = Unheard(kube, made_pod)

    async def start(self, parts: tuple[Part, ...], run: DualRun) -> Waiting | None:
        """Start parts; why not all of them could be, where that is known.

        Raises:
            KubeError: when it is not known, or nobody's fault.
        """
        key = run.metadata.key
        if left := left_behind((part for _, part in self._world.strangers(key, run.metadata.uid)), run.metadata.namespace):
            return left
        wanted = {f"{run.name}-{part.name}-{part.start}" for part in run.status.parts}
        taken = await self.taken.still(run, wanted)
        if taken and self.taken.holds_up(run):
            await self._take_back(run)
            return taken
        if refused := await self._furnished(parts, run):
            return refused
        refusals = await all_over(*(attempted(self._begin(part, run)) for part in parts))
        if self.taken.holds_up(run):
            await self._take_back(run)
        return next((refusal for refusal in refusals if refusal), None)

    async def _take_back(self, run: DualRun) -> None:
        """Parts that wait for one whose name is taken would only hold their machines: who could not be asked to leave is asked again."""
        pods = self._world.pods_of(run.metadata.key, run.metadata.uid)
        unasked = [(pod.part.name, pod.uid) for pod in pods if pod.part.exit_code is None and not pod.part.stopping]
        await self.taken.give_back(unasked, run, at_once=False)  # a coordinator has books open

    async def _furnished(self, parts: tuple[Part, ...], run: DualRun) -> Waiting | None:
        """Have what a coordinator needs besides its pod, and the names of engines."""
        namespace = run.metadata.namespace
        engines = [part.slot for part in parts if part.slot.role is Role.ENGINE]
        wanted = [("service", paths.services(namespace), objects.engine_service(run, slot)) for slot in engines]
        if any(part.slot.role is Role.COORDINATOR for part in parts):
            wanted += (
                ("secret", paths.secrets(namespace), credentials.secret(run, self._keyring.of(run))),
                ("service", paths.services(namespace), objects.service(run)),
                ("claim", paths.claims(namespace), objects.claim(run, self._site())),
            )
        refusals = await all_over(*(attempted(self._make(*each)) for each in wanted))
        return next((refusal for refusal in refusals if refusal), None)

    async def _make(self, kind: str, collection: str, wanted: Json) -> None:
        """Have an object whose name holds the run's uid: one that is there is ours."""
        try:
            await self._kube.create(collection, wanted)
        except KubeError as error:
            if not error.exists:
                raise
        else:
            self._wrote(kind)

    async def _begin(self, part: Part, run: DualRun) -> Waiting | None:
        """Have the pod of a part."""
        namespace = run.metadata.namespace
        try:
            made = await self._kube.create(paths.pods(namespace), pod_of(part, run, self._site(), self._keyring.of(run).digest))
        except KubeError as error:
            if not error.exists:
                self.unheard.note(run, error)
                raise
            there = any(each.part.name == part.name for each in self._world.pods_of((namespace, run.name), run.metadata.uid))
            return None if there else await self.taken.by(part.name, run)
        self._wrote("pod")
        self._made_pod(made)
        return None
