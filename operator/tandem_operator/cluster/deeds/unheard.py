"""Pods whose making nobody has answered: whether they are there is found out before anything else is decided over their run.

The watch may tell of them only after the run was edited, and its next attempt named and begun beside them.
"""

from collections.abc import Callable

from tandem_operator.api.dual_run import DualRun
from tandem_operator.api.training_run import TrainingRun
from tandem_operator.cluster.kube.client import Kube
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.errors import KubeError
from tandem_operator.cluster.kube.informer import Key

from .listed import pods_of


class Unheard:
    """The runs that may have more pods than is known."""

    def __init__(self, kube: Kube, made_pod: Callable[[Json], None]) -> None:
        """Find out with `kube`; `made_pod` is told of every pod of such a run."""
        self._kube, self._made_pod = kube, made_pod
        self._runs: dict[Key, str] = {}  # each with its uid

    def note(self, run: TrainingRun | DualRun, error: KubeError) -> None:
        """A pod of a run was to be made, and that failed."""
        if error.uncertain:
            self._runs[run.metadata.namespace, run.name] = run.metadata.uid

    async def more(self, run: TrainingRun | DualRun, known: Callable[[], object]) -> bool:
        """Whether a run has other pods than were known when it was last decided on; `known` gives those that are at this moment.

        Raises:
            KubeError: when its pods cannot be listed.
        """
        key = run.metadata.key
        if self._runs.get(key) != run.metadata.uid:
            return False
        before = known()
        for pod in await pods_of(self._kube, key[0], run.metadata.uid):
            self._made_pod(pod)
        del self._runs[key]
        return known() != before

    def forget(self, key: Key) -> None:
        """The run is gone."""
        self._runs.pop(key, None)
