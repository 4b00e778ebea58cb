"""What is known of the cluster at this moment: runs, their pods, the machines, and which runs a change is news for.

All of it comes back from the API server after a restart; nothing here is needed to go on. Runs are kept as the JSON they came
as, a tenth of what they take as objects: five thousand of them must fit into an operator of a hundred megabytes.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Final, cast

from tandem_operator.plan.values import SeenNode, SeenWorker

from .kube.document import Json, part, text
from .kube.informer import Key, key_of
from .refusals import Refusals
from .seen.nodes import NodeState, node_state
from .seen.pods import SeenPod, seen_pod

_OF_THE_SERVER: Final = {"managedFields", "resourceVersion"}
_UNKNOWN_FOR: Final = timedelta(seconds=60)  # a new machine may be heard of later than the pod that was put there
_OVERDUE: Final = timedelta(seconds=60)
"""How long after its grace period a pod may still be there. A kubelet kills at the end of it, and then has network and volumes to take
away; our clock and the server's differ by seconds. What is there longer is on a machine that does not work, whatever that says of itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A TrainingRun as the API server keeps it: what people wrote, and what we did, each as JSON."""

    uid: str
    version: int
    written: bytes
    status: bytes

    @classmethod
    def of(cls, found: Json) -> "StoredRun":
        """The run as the API has it, without what tells which field is whose."""
        metadata = {name: value for name, value in part(found, "metadata").items() if name not in _OF_THE_SERVER}
        written = {name: value for name, value in found.items() if name != "status"} | {"metadata": metadata}
        return cls(
            uid=intern(text(found, "metadata", "uid")),
            version=int(text(found, "metadata", "resourceVersion")),
            written=_json(written),
            status=_json(part(found, "status")),
        )

    def object(self) -> Json:
        """The run, without its version."""
        return {**cast("Json", json.loads(self.written)), "status": json.loads(self.status)}


class World:
    """The runs, pods and nodes of the cluster, each at its newest version."""

    def __init__(
        self,
        changed: Callable[[Key], None],
        stirred: Callable[[Key], None],
        *,
        came: Callable[[Key], None] | None = None,
        nodes_told: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin with nothing.

        Args:
            changed: Told which run there is news for.
            came: Told instead which run was not known before.
            stirred: Told which run there is news for that is likely to be followed by more, such as a pod that comes up.
            nodes_told: Whether nodes are told of. If not, nobody can say of one that it is not there.
            clock: Tells when a pod was seen to be gone.
        """
        self._changed, self._stirred, self._came, self._nodes_told = changed, stirred, came or changed, nodes_told
        self._runs: dict[Key, StoredRun] = {}
        self._pods: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._departed: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._vanished: dict[Key, list[SeenPod]] = {}
        self._clock = clock
        self._owner: dict[Key, Key] = {}
        self._nodes: dict[str, NodeState] = {}
        self._writing: set[Key] = set()
        self.refusals = Refusals()

    def run(self, key: Key) -> StoredRun | None:
        """A run; None when there is none."""
        return self._runs.get(key)

    def runs(self) -> Iterator[tuple[Key, StoredRun]]:
        """Every run."""
        return iter(self._runs.items())

    def put_run(self, found: Json) -> None:
        """A run was seen; an older version than the one that is known is no news."""
        key = key_of(found)
        known, new = self._runs.get(key), self._kept(found)
        if new is None:
            return
        if known is None or known.uid != new.uid:
            self._came(key)
        elif key not in self._writing or known.written != new.written:
            self._changed(key)

    @contextmanager
    def writing(self, key: Key) -> Generator[None]:
        """Within it, while a status of ours is on its way, it is no news that a run has another: the watch may tell before we are answered.

        A write that fails is followed by a look in any case.
        """
        self._writing.add(key)
        try:
            yield
        finally:
            self._writing.discard(key)

    def put_answer(self, found: Json) -> None:
        """A run as the answer to a write of ours shows it. It may be gone since, or another of its name be there.

        No news, save in what people wrote: a watch that is older than the definition of runs does not tell of fields that are new in it.
        """
        key = key_of(found)
        known = self._runs.get(key)
        if known is None or known.uid != text(found, "metadata", "uid"):
            return
        new = self._kept(found)
        others_came = new is None and known.version > int(text(found, "metadata", "resourceVersion"))  # and were taken for ours
        if others_came or (new and new.written != known.written):
            self._changed(key)

    def _kept(self, found: Json) -> StoredRun | None:
        """The run, if this is a newer version of it than the one that was known."""
        key = key_of(found)
        known = self._runs.get(key)
        if known and known.version >= int(text(found, "metadata", "resourceVersion")):
            return None
        new = self._runs[key] = StoredRun.of(found)
        if known and known.uid != new.uid:
            self.refusals.forget(key)
        return new

    def drop_run(self, key: Key, uid: str) -> None:
        """A run is gone. Another of its name may be there already: the watch tells of each in an order of its own."""
        known = self._runs.get(key)
        if known is None or known.uid != uid:
            return
        del self._runs[key]
        self._departed.pop(key, None)
        self._vanished.pop(key, None)
        self.refusals.forget(key)
        self._changed(key)

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

    def put_node(self, found: Json) -> None:
        """A node was seen; only what may change a decision is news."""
        state = node_state(found)
        if self._nodes.get(state.node.name) != state:
            self._nodes[state.node.name] = state
            self._node_changed(state.node.name)

    def drop_node(self, key: Key) -> None:
        """A node is gone."""
        if self._nodes.pop(key[1], None):
            self._node_changed(key[1])

    def pods_of(self, key: Key, uid: str) -> tuple[SeenPod, ...]:
        """The pods of a run, and those of its newest attempt that have ended and are gone; none of another run of its name."""
        there, departed = self._pods.get(key, {}), self._departed.get(key, {})
        newest = max((pod.worker.attempt for pod in there.values()), default=0)
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
        overdue = pod.leaves_by is not None and now - pod.leaves_by > _OVERDUE
        return replace(worker, fenced=True) if overdue or self._silent(worker, now) else worker

    def _silent(self, worker: SeenWorker, now: datetime) -> bool:
        state = self._nodes.get(worker.node)
        return state.silent if state else self._nodes_told and now - worker.since > _UNKNOWN_FOR

    def node(self, name: str) -> SeenNode | None:
        """A node; None when there is none (any more)."""
        state = self._nodes.get(name)
        return state.node if state else None

    def _node_changed(self, name: str) -> None:
        for key, pods in list(self._pods.items()):
            if any(pod.worker.node == name for pod in pods.values()):
                self._changed(key)


def _until(pod: SeenPod) -> datetime:
    return pod.worker.until or pod.worker.since


def _json(found: Json) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode()
