"""Where runs are kept on this machine: `$TANDEM_STATE`, or the user's state folder (XDG Base Directory specification)."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from .run_folder import AnyFolder, DualFolder, RunFolder, kind_at


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
        """The folder of a TrainingRun, whether or not there is one."""
        return RunFolder(self.path / "runs" / name)

    def dual(self, name: str) -> DualFolder:
        """The folder of a DualRun, whether or not there is one."""
        return DualFolder(self.path / "runs" / name)

    def any(self, name: str) -> AnyFolder:
        """The folder of the run that is there, of whichever kind it is; of a TrainingRun where there is none."""
        return self.dual(name) if kind_at(self.path / "runs" / name) == "DualRun" else self.run(name)

    def runs(self) -> tuple[AnyFolder, ...]:
        """All runs, of both kinds, by name.

        Raises:
            NotADirectoryError: when something else is where runs are kept.
        """
        parent = self.path / "runs"
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is no folder: set TANDEM_STATE to one", str(self.path))
        found = (self.any(path.name) for path in parent.iterdir()) if parent.is_dir() else ()
        return tuple(sorted((folder for folder in found if folder.exists), key=lambda folder: folder.name))


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where prepared data is kept: `$TANDEM_CACHE`, or the user's cache folder."""
    said = environ.get("TANDEM_CACHE")
    return Path(said).expanduser().resolve() if said else platformdirs.user_cache_path("tandem").resolve()
