"""The token that the parts of a DualRun, and the operator, show its coordinator.

It is reckoned from the operator's own key and the run's uid. So an operator that was started anew knows it, though it may not read the
Secret that it has made: rights to read Secrets are what no part of Tandem has.
"""

import hashlib
import hmac
import os
import tempfile
from pathlib import Path

from tandem_operator.render.dual import objects


class Tokens:
    """The tokens of all runs."""

    def __init__(self, key: bytes) -> None:
        """Reckon them from a key."""
        self._key = key
        self._folder: Path | None = None  # not before it is needed: a full disk is no reason not to begin

    def of(self, uid: str) -> str:
        """The token of a run."""
        return hmac.new(self._key, uid.encode(), hashlib.sha256).hexdigest()

    def digest(self, uid: str) -> str:
        """What tells it from that of another key; no secret."""
        return objects.digest(self.of(uid))

    def file(self, uid: str) -> Path:
        """A file that holds it, which only this process's user can read.

        Raises:
            OSError: when there is no room for one.
        """
        if self._folder is None or not self._folder.is_dir():
            self._folder = Path(tempfile.mkdtemp(prefix="tandem-tokens-"))  # its owner's alone
        path = self._folder / uid
        if not path.exists():
            half = self._folder / f"{uid}.half"
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(self.of(uid))
            half.rename(path)
        return path

    def forget(self, uid: str) -> None:
        """The run is gone.

        Raises:
            OSError: when its file cannot be removed.
        """
        if self._folder:
            for path in (self._folder / uid, self._folder / f"{uid}.half"):
                path.unlink(missing_ok=True)
