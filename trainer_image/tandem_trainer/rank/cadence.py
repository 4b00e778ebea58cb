"""When is a checkpoint due in the midst of a phase? After so many steps, or after so many seconds."""

import time
from collections.abc import Callable

from tandem_trainer.job import Checkpoint

_AT_LEAST_EVERY_S = 60  # where nothing was asked for: what a lost minute costs is what most people accept


class Cadence:
    """Counts from the last checkpoint. Steps are the same on all ranks; seconds are rank 0's, shared by agreement."""

    def __init__(self, asked: Checkpoint, *, clock: Callable[[], float] = time.monotonic) -> None:
        nothing = asked.every_steps is None and asked.every_seconds is None
        self._steps = asked.every_steps
        self._seconds = _AT_LEAST_EVERY_S if nothing else asked.every_seconds
        self._clock = clock
        self._taken_at = clock()

    def late(self) -> bool:
        """Whether the seconds are over on this rank's clock."""
        return self._seconds is not None and self._clock() - self._taken_at >= self._seconds

    def due(self, done: int, *, late: bool) -> bool:
        """Whether a checkpoint is to follow, `done` steps after the beginning; `late` is what the ranks agreed on."""
        return late or (self._steps is not None and done % self._steps == 0)

    def taken(self) -> None:
        """A checkpoint has been taken."""
        self._taken_at = self._clock()
