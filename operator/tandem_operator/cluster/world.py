"""What is known of the cluster at this moment: runs, their pods, the machines, and which runs a change is news for.

All of it comes back from the API server after a restart; nothing here is needed to go on. Runs are kept as the JSON they came
as, a tenth of what they take as objects: five thousand of them must fit into an operator of a hundred megabytes.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, cast

from tandem_operator.plan.values import SeenNode, SeenWorker

from .kube.document import Json, part, text
from .kube.informer import Key, key_of
from .refusals import Refusals
from .seen.nodes import NodeState, node_state
from .seen.pods import SeenPod, seen_pod

_UNKNOWN_FOR: Final = timedelta(seconds=60)  # a new machine may be heard of later than the pod that was put there
_OVERDUE: Final = timedelta(seconds=60)
"""How long after its grace period a pod may still be there. A kubelet kills at the end of it, and then has network and volumes to take
away; our clock and the server's differ by seconds. What is there longer is on a machine that does not work, whatever that says of itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A TrainingRun as the API server keeps it."""

    uid: str
    version: int
    text: bytes

    def object(self) -> Json:
        """The run as the API has it."""
        return cast("Json", json.loads(self.text))


class World:
    """The runs, pods and nodes of the cluster, each at its newest version."""

    def __init__(self, changed: Callable[[Key], None], stirred: Callable[[Key], None], *, nodes_told: bool = True) -> None:
        """Begin with nothing.

        Args:
            changed: Told which run there is news for.
            stirred: Told which run there is news for that is likely to be followed by more, such as a pod that comes up.
            nodes_told: Whether nodes are told of. If not, nobody can say of one that it is not there.
        """
        self._changed, self._stirred, self._nodes_told = changed, stirred, nodes_told
        self._runs: dict[Key, StoredRun] = {}
        self._pods: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._departed: defaultdict[Key, dict[str, SeenPod]] = defaultdict(dict)
        self._owner: dict[Key, Key] = {}
        self._nodes: dict[str, NodeState] = {}
        self.refusals = Refusals()

    def run(self, key: Key) -> StoredRun | None:
        """A run; None when there is none."""
        return self._runs.get(key)

    def runs(self) -> Iterator[tuple[Key, StoredRun]]:
        """Every run."""
        return iter(self._runs.items())

    def put_run(self, found: Json) -> None:
        """A run was seen; an older version than the one that is known is no news."""
        if self._kept(found):
            self._changed(key_of(found))

    def put_answer(self, found: Json) -> None:
        """A run as the answer to a write of ours shows it: no news. It may be gone since, or another of its name be there."""
        known = self._runs.get(key_of(found))
        if known and known.uid == text(found, "metadata", "uid"):
            self._kept(found)

    def _kept(self, found: Json) -> bool:
        """Whether this is a newer version of the run than the one that was known."""
        key, version = key_of(found), int(text(found, "metadata", "resourceVersion"))
        known = self._runs.get(key)
        if known and known.version >= version:
            return False
        metadata = {name: value for name, value in part(found, "metadata").items() if name != "managedFields"}
        kept = json.dumps({**found, "metadata": metadata}, separators=(",", ":")).encode()
        self._runs[key] = StoredRun(uid=text(found, "metadata", "uid"), version=version, text=kept)
        if known and known.uid != self._runs[key].uid:
            self.refusals.forget(key)
        return True

    def drop_run(self, key: Key, uid: str) -> None:
        """A run is gone. Another of its name may be there already: the watch tells of each in an order of its own."""
        known = self._runs.get(key)
        if known is None or known.uid != uid:
            return
        del self._runs[key]
        self._departed.pop(key, None)
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
        """A pod is gone. How it ended is remembered until its attempt is over: the object may go before anybody has looked."""
        run = self._owner.pop(key, None)
        if run is None or (left := self._pods[run].pop(key[1], None)) is None:
            return
        if not left.worker.live and run in self._runs:
            self._departed[run][key[1]] = left
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
