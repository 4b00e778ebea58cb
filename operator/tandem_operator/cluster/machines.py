"""The machines of the cluster, and whether they are heard of."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tandem_operator.plan.values import SeenNode

from .kube.document import Json
from .kube.informer import Key
from .seen.nodes import NodeState, node_state

_UNKNOWN_FOR: Final = timedelta(seconds=60)  # a new machine may be heard of later than the pod that was put there
_OVERDUE: Final = timedelta(seconds=60)
"""How long after its grace period a pod may still be there. A kubelet kills at the end of it, and then has network and volumes to take
away; our clock and the server's differ by seconds. What is there longer is on a machine that does not work, whatever that says of itself.
"""


class Machines:
    """The machines, each as it was seen last."""

    def __init__(self, *, told: bool = True) -> None:
        """Begin with none; unless `told` of machines, nobody can say of one that it is not there."""
        self._told = told
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

    def lost(self, name: str, since: datetime, leaves_by: datetime | None, now: datetime) -> bool:
        """Whether a pod that came to a machine at `since` is lost with it: that is silent, or does not carry out that the pod leaves."""
        overdue = leaves_by is not None and now - leaves_by > _OVERDUE
        return overdue or self._silent(name, since, now)

    def _silent(self, name: str, since: datetime, now: datetime) -> bool:
        state = self._nodes.get(name)
        return state.silent if state else self._told and now - since > _UNKNOWN_FOR

    def _tell(self, name: str) -> None:
        for changed in self._listeners:
            changed(name)
