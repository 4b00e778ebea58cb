"""Do many runs come at once? Then each is started before anything is told of those that come up: every one of them is somebody's.

A leaky bucket: it fills with the runs that come and loses ten a second. People who submit by hand never fill it, nor does a steady stream
that the API server bears; a sweep of hundreds does, and two seconds after the last of them it is calm again.
"""

from typing import Final

_MANY: Final = 100
_A_SECOND: Final = 10.0  # a real server with its scheduler on two cores starts some fifty runs a second
_CALM_S: Final = 2.0


class Crowd:
    """The runs that have just come. The time is the caller's, in seconds."""

    def __init__(self) -> None:
        """Begin with none."""
        self._level, self._at = 0.0, 0.0

    def came(self, now: float) -> None:
        """A run has come."""
        self._level = min(_MANY + _CALM_S * _A_SECOND, self._left(now) + 1)
        self._at = now

    def lasts_s(self, now: float) -> float:
        """How long there will be a crowd if nobody else comes; 0 when there is none."""
        return max(0.0, (self._left(now) - _MANY) / _A_SECOND)

    def _left(self, now: float) -> float:
        return max(0.0, self._level - (now - self._at) * _A_SECOND)
