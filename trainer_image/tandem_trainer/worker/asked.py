"""What an operator asks of a worker that is up: a checkpoint, by a file that kubelet writes; TANDEM_ASKED names its folder."""

import time
from collections.abc import Callable
from pathlib import Path

_LOOK_EVERY_S = 1.0
_FILE = "save-after-step"  # holds the step of the newest checkpoint there was; a later one is asked for. Empty: nothing is


class Asked:
    """Looks now and then whether something new is asked for."""

    def __init__(self, folder: Path | None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Look in `folder`; None where nobody asks."""
        self._folder, self._clock = folder, clock
        self._looked_at = -_LOOK_EVERY_S
        self._told = ""

    def news(self) -> int | None:
        """The step after which a checkpoint is asked for, each time that this changes; None while there is nothing new."""
        if self._folder is None or self._clock() - self._looked_at < _LOOK_EVERY_S:
            return None
        self._looked_at = self._clock()
        before, self._told = self._told, self._read(self._folder / _FILE)
        return int(self._told) if self._told.isdecimal() and self._told != before else None

    @staticmethod
    def _read(path: Path) -> str:
        try:
            return path.read_text().strip()
        except (OSError, UnicodeDecodeError):
            return ""
