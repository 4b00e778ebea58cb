"""What the parts of a DualRun, and the operator, know each other by: a token, and the certificate of the coordinator.

Both are reckoned from the operator's own key and the run's uid. So an operator that was started anew knows them, though it may not read
the Secret that it has made: rights to read Secrets are what no part of Tandem has.
"""

import hashlib
import hmac
import os
import tempfile
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from tandem_operator.api.dual_run import DualRun
from tandem_operator.render.dual import objects
from tandem_operator.render.dual.credentials import Credentials

_AT_HAND: Final = 1000  # runs that are looked at again and again; 2 KB each


class Keyring:
    """The credentials of all runs."""

    def __init__(self, key: bytes) -> None:
        """Reckon them from a key."""
        self._known = lru_cache(_AT_HAND)(partial(_credentials, key))
        self._folder: Path | None = None  # not before it is needed: a full disk is no reason not to begin

    def of(self, run: DualRun) -> Credentials:
        """The credentials of a run that an API server knows."""
        since = run.metadata.creation_timestamp
        assert since, f"{run.name} has no creationTimestamp"
        return self._known(run.metadata.uid, objects.names(run), since)

    def token_file(self, run: DualRun) -> Path:
        """A file that holds the token of a run, which only this process's user can read.

        Raises:
            OSError: when there is no room for one.
        """
        if self._folder is None or not self._folder.is_dir():
            self._folder = Path(tempfile.mkdtemp(prefix="tandem-tokens-"))  # its owner's alone
        uid = run.metadata.uid
        path = self._folder / uid
        if not path.exists():
            half = self._folder / f"{uid}.half"
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(self.of(run).token)
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


def _credentials(key: bytes, uid: str, names: tuple[str, ...], since: datetime) -> Credentials:
    from .certificate import certificate  # 10 MB, which an operator without DualRuns does without

    shown, private = certificate(key, uid, names=names, since=since)
    token = hmac.new(key, uid.encode(), hashlib.sha256).hexdigest()
    return Credentials(token=token, certificate=shown, key=private)
