"""What time it is on the cluster: that of its API server, by the `Date` of its answers, carried on in between by a clock that nobody sets.

Runs are full of times that the server wrote, so they are compared with its time and with no other. A wall clock of our own that is wrong,
or is set, changes nothing.

An answer is written after it was asked for and before it is there, in the second that its `Date` names (RFC 9110, 6.6.1). So each of
them bounds by how much the server's clock is ahead of ours, from both sides (Cristian, "Probabilistic clock synchronization", 1989), and
all of them together do so to some milliseconds. A slow answer says little, and so spoils nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_log = logging.getLogger(__name__)
_SECOND: Final = 1.0  # which a Date names as a whole
_DRIFT: Final = 500e-6  # the most by which the time protocol has Linux slow a clock down or speed it up (MAXFREQ, linux/timex.h)
_TOLD_FROM_S: Final = 60.0  # clocks that somebody looks after differ by much less


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """By how many seconds the server's clock is ahead of ours: at least, and at most."""

    least: float
    most: float

    def after(self, waited_s: float) -> "_Ahead":
        """The same a while later: the clocks may have drifted apart."""
        return _Ahead(least=self.least - _DRIFT * waited_s, most=self.most + _DRIFT * waited_s)

    def met(self, other: "_Ahead") -> "_Ahead | None":
        """What both say; None when they contradict each other."""
        least, most = max(self.least, other.least), min(self.most, other.most)
        return _Ahead(least=least, most=most) if least <= most else None


_NOTHING: Final = _Ahead(least=float("-inf"), most=float("inf"))


class ServerTime:
    """The time of an API server."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float] = lambda: datetime.now(UTC).timestamp()) -> None:
        """Begin with our own time, until the server has told its own.

        Args:
            clock: Seconds that go on evenly, whatever anybody sets, such as those of the running loop.
            wall: Our own time, in seconds since 1970; read this once.
        """
        self._clock = clock
        self._known, self._known_at, self._doubted = _NOTHING, clock(), _NOTHING
        self._ahead_s = wall() - clock()

    def now(self) -> datetime:
        """The server's time, or a moment before it: up to a second until it has answered a few times.

        It is never after it, for what is done too early cannot be taken back.
        """
        return datetime.fromtimestamp(self._clock() + self._ahead_s, UTC)

    def asked(self) -> float:
        """The moment at which something is asked; to be given back to `heard` with the answer."""
        return self._clock()

    def heard(self, date: str | None, asked: float) -> None:
        """An answer of the server is there, with this `Date`.

        One that contradicts all before it is believed once the next agrees with it: the server's clock was set, or ours stood still with
        its machine.
        """
        told = _told(date)
        if told is None:
            return
        at = self._clock()
        found = _Ahead(least=told - at, most=told + _SECOND - asked)
        agreed = self._known.after(at - self._known_at).met(found)
        if agreed is None and self._doubted is not _NOTHING:
            agreed = self._doubted.met(found)
        if agreed is None:
            self._doubted = found
            return
        if abs(moved_s := agreed.least - self._ahead_s) > _TOLD_FROM_S:
            _log.warning("the clock of the API server is %+.0f s from where it was taken to be; it is the one that counts", moved_s)
        self._known, self._known_at, self._doubted, self._ahead_s = agreed, at, _NOTHING, agreed.least


def _told(date: str | None) -> float | None:
    """A `Date` in seconds since 1970; None when there is none that can be read."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
