"""Where runs are kept on this machine: `$TANDEM_STATE`, or the user's state folder (XDG Base Directory specification)."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import platformdirs

from .run_folder import RunFolder, StateError


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds all runs of a person on this machine."""

    path: Path

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> "Home":
        """The home that the environment says."""
        said = environ.get("TANDEM_STATE")
        return cls(Path(said).expanduser().resolve() if said else platformdirs.user_state_path("tandem").resolve())

    def run(self, name: str) -> RunFolder:
        """The folder of a run, whether or not there is one."""
        return RunFolder(self.path / "runs" / name)

    def runs(self) -> tuple[RunFolder, ...]:
        """All runs, by name."""
        parent = self.path / "runs"
        found = (RunFolder(path) for path in parent.iterdir()) if parent.is_dir() else ()
        return tuple(sorted((folder for folder in found if folder.exists), key=lambda folder: folder.name))

    def archive(self, folder: RunFolder, now: datetime) -> Path:
        """Move a run out of the way, checkpoints and all; where it is now.

        Raises:
            StateError: when somebody acts for it at this moment.
        """
        kept = self.path / "old" / f"{folder.name}-{now:%Y%m%dT%H%M%S}"
        with folder.ownership() as lock:
            if not lock.take():
                message = f"{folder.name}: is being run by process {lock.holder()}: `tandem stop {folder.name}` first"
                raise StateError(message)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder.path, kept)
        return kept


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where prepared data is kept: `$TANDEM_CACHE`, or the user's cache folder."""
    said = environ.get("TANDEM_CACHE")
    return Path(said).expanduser().resolve() if said else platformdirs.user_cache_path("tandem").resolve()
