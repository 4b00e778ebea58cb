"""The machines of the cluster, whether they are heard of, and whether they carry out what they are asked to.

What is given up is deleted at once, and another attempt begins. So how long is too long is counted from when we saw the thing ourselves,
by a clock that nobody sets: no time that somebody wrote has a say, nor the time of the day.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from tandem_operator.cluster.kube.document import Json
from tandem_operator.cluster.kube.informer import Key
from tandem_operator.cluster.seen.nodes import NodeState, node_state
from tandem_operator.cluster.seen.sighting import Sighting
from tandem_operator.plan.values import SeenNode

from .remarks import Remarks

_UNKNOWN_S: Final = 60.0  # a new machine may be heard of later than the pod that was put there
_OVERDUE_S: Final = 60.0
"""How long after its grace period a pod may still be there. A kubelet kills at the end of it, and then has network and volumes to take
away. What is there longer is on a machine that does not work, whatever that says of itself.
"""


def _utc() -> datetime:
    return datetime.now(UTC)


class Machines:
    """The machines, each as it was seen last.

    Attributes:
        remarks: What is said of pods, by them and by whoever brings them.
    """

    def __init__(self, *, told: bool = True, clock: Callable[[], float] = monotonic, now: Callable[[], datetime] = _utc) -> None:
        """Begin with none.

        Args:
            told: Whether we are told of machines; if not, nobody can say of one that it is not there.
            clock: Gives seconds, whatever anybody sets.
            now: The time of the day, which what others wrote is dated by.
        """
        self.remarks = Remarks(now)
        self._told, self._clock = told, clock
        self._nodes: dict[str, NodeState] = {}
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, changed: Callable[[str], None]) -> None:
        """Have `changed` told the name of every machine that there is news of."""
        self._listeners.append(changed)

    def put(self, found: Json) -> None:
        """A machine was seen; only what may change a decision is news."""
        state = node_state(found)
        if self._nodes.get(state.node.name) != state:
            self._nodes[state.node.name] = state
            self._tell(state.node.name)

    def drop(self, key: Key) -> None:
        """A machine is gone."""
        if self._nodes.pop(key[1], None):
            self._tell(key[1])

    def node(self, name: str) -> SeenNode | None:
        """A machine; None when there is none (any more)."""
        state = self._nodes.get(name)
        return state.node if state else None

    def sighted(self, before: Sighting, *, placed: bool, grace_s: float | None) -> Sighting:
        """A pod was seen, of which we knew what stands in `before`; it has so long to leave, if it was asked to."""
        now, leaves_by = self._clock(), before.leaves_by
        if leaves_by is None and grace_s is not None:
            leaves_by = now + grace_s
        return Sighting(placed_at=now if placed and before.placed_at is None else before.placed_at, leaves_by=leaves_by)

    def lost(self, name: str, seen: Sighting) -> bool:
        """Whether a pod is lost with its machine: that is silent, or does not carry out that the pod leaves."""
        overdue = seen.leaves_by is not None and self._clock() - seen.leaves_by > _OVERDUE_S
        return overdue or self._silent(name, seen)

    def _silent(self, name: str, seen: Sighting) -> bool:
        state = self._nodes.get(name)
        if state:
            return state.silent
        return self._told and seen.placed_at is not None and self._clock() - seen.placed_at > _UNKNOWN_S

    def _tell(self, name: str) -> None:
        for changed in self._listeners:
            changed(name)
