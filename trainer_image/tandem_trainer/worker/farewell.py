"""How long an agent waits for ranks that are to leave, before it ends them."""

import time
from collections.abc import Callable

_MOURNING_S = 5.0  # when one rank has failed, the others may say why they fall too
_USUAL_S = 60.0  # for ranks that were asked to leave; the rest of a two-minute notice belongs to the upload
_LONG, _SHORT = 0.6, 0.9  # of a grace period that is longer, and of one in which nothing can be left for the upload


class Farewell:
    """The moment at which ranks that are still there are killed; none until the first was asked to leave, or has left."""

    def __init__(self, grace_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._leave_within_s = max(_LONG * grace_s, min(_USUAL_S, _SHORT * grace_s))
        self._clock = clock
        self._at: float | None = None
        self._fell = False

    def left(self) -> None:
        """All were asked to leave, or one has, as it was asked to."""
        self._within(self._leave_within_s)

    def fell(self) -> None:
        """One has failed: the others wait for it in vain."""
        self._fell = True
        self._within(_MOURNING_S)

    def look(self, *, saving: bool) -> bool:
        """Whether they have had their time. It begins anew while a snapshot is `saving`: a rank may have no room for its last before."""
        if self._at is None:
            return False
        if saving and not self._fell:
            self._at = self._clock() + self._leave_within_s
        return self._clock() >= self._at

    def _within(self, seconds: float) -> None:
        at = self._clock() + seconds
        self._at = min(at, self._at or at)
