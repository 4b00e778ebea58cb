"""What the operator has seen of a pod with its own eyes, and when, by a clock of its own that nobody sets."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Final

from tandem_operator.cluster.kube.informer import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Since when a pod is seen on its machine, and when it must have left that, if it was asked to; in seconds of our clock.

    Whoever takes over from another operator gives a pod its whole grace period once more.
    """

    placed_at: float | None = None
    leaves_by: float | None = None


NEVER: Final = Sighting()
"""Of a pod that was not seen before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightedPod(ABC):
    """A pod of a run: whose and which object it is, how long it has to leave, if it was asked to, and what was seen of it."""

    run: Key
    run_uid: str
    uid: str
    grace_s: float | None = None
    sighting: Sighting = field(default=NEVER, compare=False)

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name, in the namespace of the run."""

    @property
    @abstractmethod
    def node(self) -> str:
        """Its machine; empty while it has none."""
