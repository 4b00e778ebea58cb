"""What is known of the cluster at this moment: runs, their pods, the machines, and which runs a change is news for.

All of it comes back from the API server after a restart; nothing here is needed to go on.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.informer import Key, key_of
from tandem_operator.cluster.seen.pods import SeenPod, seen_pod
from tandem_operator.plan.values import SeenWorker

from .machines import Machines
from .pods import Pods
from .stored import Runs


class World(Runs):
    """The runs, pods and nodes of the cluster, each at its newest version."""

    def __init__(
        self,
        changed: Callable[[Key], None],
        stirred: Callable[[Key], None],
        now: Callable[[], datetime],
        *,
        came: Callable[[Key], None] | None = None,
        machines: Machines | None = None,
    ) -> None:
        """Begin with nothing.

        Args:
            changed: Told which run there is news for.
            stirred: Told which run there is news for that is likely to be followed by more, such as a pod that comes up.
            now: Tells when a pod was seen to be gone.
            came: Told instead which run was not known before.
            machines: Those of the cluster.
        """
        super().__init__(changed, came)
        self._stirred = stirred
        self._departed: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._vanished: dict[Key, list[SeenPod]] = {}
        self._taken_back = set[str]()  # uids of pods that the shell itself has deleted again: that they leave is nobody's notice
        self._perhaps_taken_back = set[str]()  # of those where it was not told whether that was done
        self._tenants: defaultdict[str, dict[Key, str]] = defaultdict(dict)  # of each machine: pods that have not ended, and whose they are
        self._now = now
        self.machines = machines or Machines()
        self._pods = Pods[SeenPod](self.machines, changed)

    def _forget(self, key: Key) -> None:
        super()._forget(key)
        self._departed.pop(key, None)
        self._vanished.pop(key, None)

    def put_pod(self, found: Json) -> None:
        """A pod was seen; one of its name that was known before and is another is gone, though nobody has told of that."""
        new = seen_pod(found)
        if new and (before := self._pods.of(new.run).get(new.name)) and before.uid != new.uid:
            self.drop_pod(key_of(found))
        if new:
            self._house(key_of(found), new)
        seen = self._pods.put(key_of(found), new)
        if seen is None or self._hidden(seen):
            return
        worker = seen.worker
        (self._stirred if worker.live and not worker.stopping and not worker.disrupted else self._changed)(seen.run)

    def drop_pod(self, key: Key) -> None:
        """A pod is gone. How a worker ended is remembered until its attempt is over: the object may go before anybody has looked.

        When it is gone, if nobody has seen it end, is remembered until it has been paid for. So is the end of a spare, whose place is free
        again, and of what was taken back.
        """
        left = self._pods.drop(key)
        if left is None:
            return
        self._leave(key, left.node)
        if self.run(left.run):
            self._remember(left)
        self._taken_back.discard(left.uid)
        self._perhaps_taken_back.discard(left.uid)
        self._changed(left.run)

    def _remember(self, left: SeenPod) -> None:
        if left.worker.exit_code is not None and not left.worker.spare and not self._hidden(left):
            self._departed[left.run][left.name] = left
        elif paid_for := self._paid_for(left):
            self._vanished.setdefault(left.run, []).append(paid_for)

    def _paid_for(self, pod: SeenPod) -> SeenPod | None:
        """A pod that counts for nothing but money, until its end or this moment; None if it costs none."""
        worker = self.worker(pod)
        if not worker.placed or worker.fenced:
            return None
        return replace(pod, worker=replace(worker, until=self._now())) if worker.live else pod

    def pods_of(self, key: Key, uid: str) -> tuple[SeenPod, ...]:
        """The pods of a run, and those of its newest attempt that have ended and are gone; none of another run of its name."""
        there, departed = self._pods.of(key), self._departed.get(key, {})
        newest = max((pod.worker.attempt for pod in there.values() if pod.run_uid == uid), default=0)
        for name in [name for name, pod in departed.items() if pod.worker.attempt < newest or pod.run_uid != uid]:
            del departed[name]
        if key in self._departed and not departed:
            del self._departed[key]
        ours = (pod for pod in {**departed, **there}.values() if pod.run_uid == uid)
        return tuple(pod for pod in ours if not self._hidden(pod))

    @contextmanager
    def taking_back(self, pod: SeenPod) -> Generator[None]:
        """Within it a pod is deleted again, as if it had never been started; what it costs is still paid for.

        It is hidden from then on, unless that fails: then it may be there for long, and is a worker as before, until it turns out that
        only the answer was lost: it leaves, or `keep` is told of it.
        """
        self._taken_back.add(pod.uid)
        try:
            yield
        except BaseException:
            if pod.uid in self._taken_back:  # it is gone else
                self._taken_back.discard(pod.uid)
                self._perhaps_taken_back.add(pod.uid)
            raise

    def keep(self, pods: Iterable[SeenPod]) -> None:
        """These are of use after all: whoever has them leave from now on is somebody else."""
        self._perhaps_taken_back.difference_update(pod.uid for pod in pods)

    def _hidden(self, pod: SeenPod) -> bool:
        """Whether a pod is taken back, so far as is known."""
        if pod.uid in self._perhaps_taken_back:
            return pod.worker.stopping and not self.worker(pod).fenced  # which somebody must give up
        return pod.uid in self._taken_back

    def vanished(self, key: Key, uid: str, paid_until: datetime | None) -> tuple[SeenWorker, ...]:
        """The workers of a run that are to be paid for, and counted for nothing else, after the moment that it has been paid until.

        They are gone without an end, were spares, or are taken back. Those that are gone and paid for are forgotten.
        """
        left = [pod for pod in self._vanished.pop(key, []) if pod.run_uid == uid and (paid_until is None or _until(pod) > paid_until)]
        if left:
            self._vanished[key] = left
        held = (pod for pod in self._pods.of(key).values() if pod.run_uid == uid and self._hidden(pod))
        return tuple(pod.worker for pod in (*left, *filter(None, map(self._paid_for, held))))

    def has_pod(self, key: Key, name: str, uid: str) -> bool:
        """Whether a pod of that name is there that is a worker of this very run."""
        pod = self._pods.of(key).get(name)
        return pod is not None and pod.run_uid == uid

    def share(self, machine: str, uid: str) -> Fraction:
        """How much of a machine is a run's, by its workers and those of others there; one that is gone is paid for as if it were there."""
        whose = self._tenants.get(machine, {}).values()
        ours = max(1, sum(run == uid for run in whose))
        return Fraction(ours, ours + sum(run != uid for run in whose))

    def _house(self, key: Key, pod: SeenPod) -> None:
        if pod.node and pod.worker.exit_code is None:
            self._tenants[pod.node][key] = pod.run_uid
        else:
            self._leave(key, pod.node)

    def _leave(self, key: Key, machine: str) -> None:
        tenants = self._tenants.get(machine, {})
        tenants.pop(key, None)
        if not tenants:
            self._tenants.pop(machine, None)

    def strangers(self, key: Key, uid: str) -> tuple[tuple[SeenPod, SeenWorker], ...]:
        """The pods of earlier runs of the same name that have not ended, each with its worker as it stands."""
        pods = (pod for pod in self._pods.of(key).values() if pod.run_uid != uid and pod.worker.exit_code is None)
        return tuple((pod, self.worker(pod)) for pod in pods)

    def worker(self, pod: SeenPod) -> SeenWorker:
        """A worker as it stands, considered what is said of it, and its machine: silent, or one that does not carry out that it leaves."""
        worker = pod.worker
        if not worker.live:
            return worker
        if worker.waiting:
            worker = replace(worker, waiting=self.machines.remarks.considered(pod.uid, worker.waiting))
        return replace(worker, fenced=True) if self.machines.lost(worker.node, pod.sighting) else worker


def _until(pod: SeenPod) -> datetime:
    return pod.worker.until or pod.worker.since
