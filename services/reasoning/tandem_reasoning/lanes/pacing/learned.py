"""Decides how fast a lane may be asked whose limit nobody told us, or that is tighter than we were told: less after a refusal, then more.

As TCP finds the width of a wire (Jacobson 1988; Chiu and Jain 1989): doubling until the first refusal; a cut to what went through; then a
little more with each call. A refusal that comes where nothing can be measured, since a lane is shut for a while, costs little of the rate
that was good: it is halved and soon doubled again. Values, and a memory of the last calls.
"""

from collections import deque
from dataclasses import dataclass
from math import inf

FIRST_PER_S = 8.0
"""Begun with where nothing is known, and doubled each second until a lane refuses: a hundred calls at once would mostly be refused."""
CUT = 0.9
"""Of what went through, this is asked for after a refusal: gentle, since it was measured."""
EDGE = 0.95
"""Of what was asked for, no more than this: where all of it went through, the limit is near, and a call came a little early."""
LEAST = 0.5
"""Of what was asked for, no less than this after one refusal."""
GROWTH = 0.0005
"""Of the good rate, more with each call: back at the edge after a hundred, so that one call in a hundred is refused there."""
DOUBLING_S = 10.0
"""In which a rate that was halved is back where it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A rate that was cut at the last refusal, and grows from there.

    Attributes:
        cut_per_s: What it was cut to, requests a second; None until a lane refuses.
        good_per_s: Up to here it grows fast, beyond it slowly.
        cut_at: When; until a lane refuses, when it was first asked.
    """

    cut_per_s: float | None = None
    good_per_s: float = inf
    cut_at: float = 0.0

    def per_s(self, now: float) -> float:
        """Requests a second by now."""
        seconds = max(0.0, now - self.cut_at)
        if self.cut_per_s is None:
            return FIRST_PER_S * 2.0 ** min(seconds, _DOUBLINGS)
        doubled = self.cut_per_s * 2.0 ** min(seconds / DOUBLING_S, _DOUBLINGS)
        return doubled if doubled < self.good_per_s else self.good_per_s * (1 + GROWTH * self.good_per_s * seconds)

    def refused(self, now: float, *, granted_at: float, asked_per_s: float, through: "Through") -> "Learned":
        """After a refusal.

        Args:
            now: When it came.
            granted_at: When the call got its permit; one from before the last cut says nothing new.
            asked_per_s: The rate that was asked for, by this or by a limit that was told.
            through: What went through.
        """
        if self.cut_per_s is not None and granted_at <= self.cut_at:
            return self
        if through.per_s is None:
            believed = min(self.good_per_s, asked_per_s) if self.cut_per_s is None else self.good_per_s
            good = EDGE * believed if through.any else believed  # where nothing at all goes through, it is not for the rate
            return Learned(cut_per_s=max(LEAST * asked_per_s, good / _DEEPEST), good_per_s=good, cut_at=now)
        if self.cut_per_s is None:  # the doubled rate ran ahead of what there was to ask
            asked_per_s = min(asked_per_s, max(FIRST_PER_S, through.per_s / LEAST))
        good = max(LEAST * asked_per_s, min(CUT * through.per_s, EDGE * asked_per_s))
        return Learned(cut_per_s=good, good_per_s=good, cut_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """What went through of late: calls a second, None if there were too few to say; and whether any did since the last refusal."""

    per_s: float | None
    any: bool


class Traffic:
    """What went through of late: the last calls, without those that were refused."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque(maxlen=_MOST)
        self._refused: deque[float] = deque(maxlen=_MOST)
        self._any = False

    def sent(self, at: float) -> None:
        """A call goes out at `at`."""
        self._sent.append(at)

    def taken(self) -> None:
        """One was not refused."""
        self._any = True

    def refused(self, sent_at: float, now: float) -> Through:
        """The one that went out at `sent_at` was refused; what went through until now."""
        self._refused.append(sent_at)
        found = Through(per_s=self._per_s(now), any=self._any)
        self._any = False
        return found

    def stopped(self) -> None:
        """The lane is not asked for a while: what was before says nothing about what comes after."""
        self._sent.clear()
        self._refused.clear()

    def _per_s(self, now: float) -> float | None:
        """Over some seconds and some calls."""
        gone = [at for at in self._sent if at <= now]
        if len(gone) < _FEW:
            return None
        begin = min(now - _WINDOW_S, gone[-min(_FEW * 2, len(gone))])
        span_s = min(now - begin, max(_SHORTEST_S, now - gone[0]))
        sent, refused = (sum(begin <= at for at in times) for times in (gone, self._refused))
        return max(0, sent - refused) / span_s


_DOUBLINGS = 16  # beyond what any lane takes
_DEEPEST = 16  # halved four times, so back within a minute however long a lane was shut
_MOST = 2048  # calls that are remembered: 5 seconds of 400 a second
_FEW = 10  # calls that say nothing about a rate yet
_WINDOW_S = 5.0  # long enough to count, short enough to be of now
_SHORTEST_S = 1.0
