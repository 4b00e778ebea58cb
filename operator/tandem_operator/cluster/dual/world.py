"""What is known of the DualRuns of the cluster at this moment: the runs and their pods, and which runs a change is news for."""

from collections.abc import Callable
from dataclasses import replace

from tandem_operator.cluster.known.machines import Machines
from tandem_operator.cluster.known.pods import Pods
from tandem_operator.cluster.known.stored import Runs
from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.informer import Key, key_of
from tandem_operator.cluster.seen.parts import PartPod, part_pod
from tandem_operator.plan.dual.values import Role, SeenPart


class DualWorld(Runs):
    """The DualRuns and their pods, each at its newest version. A pod that is gone is forgotten: its place is simply empty."""

    def __init__(self, changed: Callable[[Key], None], machines: Machines) -> None:
        """Begin with none; `changed` is told which run there is news for."""
        super().__init__(changed)
        self._machines = machines
        self._pods = Pods[PartPod](machines, changed)

    def put_pod(self, found: Json) -> None:
        """A pod was seen."""
        if seen := self._pods.put(key_of(found), part_pod(found)):
            self._changed(seen.run)

    def drop_pod(self, key: Key) -> None:
        """A pod is gone."""
        if left := self._pods.drop(key):
            self._changed(left.run)

    def pods_of(self, key: Key, uid: str) -> tuple[PartPod, ...]:
        """The pods of a run; none of another run of its name."""
        return tuple(pod for pod in self._pods.of(key).values() if pod.run_uid == uid)

    def strangers(self, key: Key, uid: str) -> tuple[tuple[PartPod, SeenPart], ...]:
        """The pods of earlier runs of the same name that have not ended, each with its part as it stands."""
        pods = (pod for pod in self._pods.of(key).values() if pod.run_uid != uid and pod.part.exit_code is None)
        return tuple((pod, self.part(pod)) for pod in pods)

    def plaintext(self, key: Key, uid: str) -> bool:
        """Whether the newest coordinator of a run is of a release that knew no TLS; its parts go on by what they were told."""
        coordinators = (pod for pod in self.pods_of(key, uid) if pod.part.role is Role.COORDINATOR)
        newest = max(coordinators, key=lambda pod: pod.part.start, default=None)
        return newest is not None and newest.plaintext

    def part(self, pod: PartPod) -> SeenPart:
        """A part as it stands, considered what is said of it, and its machine."""
        part = pod.part
        if part.exit_code is not None:
            return part
        if part.waiting:
            part = replace(part, waiting=self._machines.remarks.considered(pod.uid, part.waiting))
        return replace(part, fenced=True) if self._machines.lost(part.node, pod.sighting) else part
