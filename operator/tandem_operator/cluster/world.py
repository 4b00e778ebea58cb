"""What is known of the cluster at this moment: runs, their pods, the machines, and which runs a change is news for.

All of it comes back from the API server after a restart; nothing here is needed to go on.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from tandem_operator.plan.values import SeenWorker

from .kube.document import Json
from .kube.informer import Key, key_of
from .machines import Machines
from .seen.pods import SeenPod, seen_pod
from .stored import Runs


class World(Runs):
    """The runs, pods and nodes of the cluster, each at its newest version."""

    def __init__(
        self,
        changed: Callable[[Key], None],
        stirred: Callable[[Key], None],
        *,
        came: Callable[[Key], None] | None = None,
        machines: Machines | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with nothing.

        Args:
            changed: Told which run there is news for.
            came: Told instead which run was not known before.
            stirred: Told which run there is news for that is likely to be followed by more, such as a pod that comes up.
            machines: Those of the cluster.
            clock: Tells when a pod was seen to be gone.
        """
        super().__init__(changed, came)
        self._stirred = stirred
        self._pods: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._departed: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._vanished: dict[Key, list[SeenPod]] = {}
        self._clock = clock
        self._owner: dict[Key, Key] = {}
        self.machines = machines or Machines()
        self.machines.listen(self._node_changed)

    def _dropped(self, key: Key) -> None:
        self._departed.pop(key, None)
        self._vanished.pop(key, None)

    def put_pod(self, found: Json) -> None:
        """A pod was seen."""
        seen = seen_pod(found)
        if seen is None or self._pods[seen.run].get(seen.worker.name) == seen:
            return
        self._pods[seen.run][seen.worker.name] = seen
        self._owner[key_of(found)] = seen.run
        worker = seen.worker
        (self._stirred if worker.live and not worker.stopping and not worker.disrupted else self._changed)(seen.run)

    def drop_pod(self, key: Key) -> None:
        """A pod is gone. How it ended is remembered until its attempt is over: the object may go before anybody has looked.

        When it is gone, if nobody has seen it end, is remembered until it has been paid for.
        """
        run = self._owner.pop(key, None)
        if run is None or (left := self._pods[run].pop(key[1], None)) is None:
            return
        if run in self._runs and not left.worker.live:
            self._departed[run][key[1]] = left
        elif run in self._runs and left.worker.placed and self.worker(left, now := self._clock()).live:
            self._vanished.setdefault(run, []).append(replace(left, worker=replace(left.worker, until=now)))
        if not self._pods[run]:
            del self._pods[run]
        self._changed(run)

    def pods_of(self, key: Key, uid: str) -> tuple[SeenPod, ...]:
        """The pods of a run, and those of its newest attempt that have ended and are gone; none of another run of its name."""
        there, departed = self._pods.get(key, {}), self._departed.get(key, {})
        newest = max((pod.worker.attempt for pod in there.values() if pod.run_uid == uid), default=0)
        for name in [name for name, pod in departed.items() if pod.worker.attempt < newest or pod.run_uid != uid]:
            del departed[name]
        return tuple(pod for pod in {**departed, **there}.values() if pod.run_uid == uid)

    def vanished(self, key: Key, uid: str, paid_until: datetime | None) -> tuple[SeenWorker, ...]:
        """The workers of a run that are gone without an end, after the moment that it has been paid until; earlier ones are forgotten."""
        left = [pod for pod in self._vanished.pop(key, []) if pod.run_uid == uid and (paid_until is None or _until(pod) > paid_until)]
        if left:
            self._vanished[key] = left
        return tuple(pod.worker for pod in left)

    def has_pod(self, key: Key, name: str, uid: str) -> bool:
        """Whether a pod of that name is there that is a worker of this very run."""
        pod = self._pods.get(key, {}).get(name)
        return pod is not None and pod.run_uid == uid

    def strangers(self, key: Key, uid: str, now: datetime) -> tuple[tuple[SeenPod, SeenWorker], ...]:
        """The pods of earlier runs of the same name that have not ended, each with its worker as it stands."""
        pods = (pod for pod in self._pods.get(key, {}).values() if pod.run_uid != uid and pod.worker.exit_code is None)
        return tuple((pod, self.worker(pod, now)) for pod in pods)

    def worker(self, pod: SeenPod, now: datetime) -> SeenWorker:
        """A worker as it stands, its machine considered: fenced when that is silent, or does not carry out that it leaves."""
        worker = pod.worker
        if not worker.node or not worker.live:
            return worker
        lost = self.machines.lost(worker.node, worker.since, pod.leaves_by, now)
        return replace(worker, fenced=True) if lost else worker

    def _node_changed(self, name: str) -> None:
        for key, pods in list(self._pods.items()):
            if any(pod.worker.node == name for pod in pods.values()):
                self._changed(key)


def _until(pod: SeenPod) -> datetime:
    return pod.worker.until or pod.worker.since
