"""How long an agent waits for ranks that are to leave, before it ends them."""

import time

_MOURNING_S = 5.0  # when one rank has failed, the others may say why they fall too
_LEAVE_WITHIN = 0.55  # of the grace period, for ranks that were asked to leave; the rest belongs to the upload


class Farewell:
    """The moment at which ranks that are still there are killed; none until the first was asked to leave, or has left."""

    def __init__(self, grace_s: float) -> None:
        self._leave_within_s = _LEAVE_WITHIN * grace_s
        self._at: float | None = None
        self._fell = False

    def left(self) -> None:
        """All were asked to leave, or one has, as it was asked to."""
        self._within(self._leave_within_s)

    def fell(self) -> None:
        """One has failed: the others wait for it in vain."""
        self._fell = True
        self._within(_MOURNING_S)

    def over(self, *, saving: bool) -> bool:
        """Whether they have had their time. It begins anew while a snapshot is `saving`: a rank may have no room for its last before."""
        if self._at is None:
            return False
        if saving and not self._fell:
            self._at = time.monotonic() + self._leave_within_s
        return time.monotonic() >= self._at

    def _within(self, seconds: float) -> None:
        at = time.monotonic() + seconds
        self._at = min(at, self._at or at)
