"""Where runs are kept on this machine: `$TANDEM_STATE`, or the user's state folder (XDG Base Directory specification)."""

import errno
import os
import tempfile
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
            OSError: when runs can never be kept there.
        """
        self.insist()
        parent = self.path / "runs"
        found = (self.any(path.name) for path in parent.iterdir()) if parent.is_dir() else ()
        return tuple(sorted((folder for folder in found if folder.exists), key=lambda folder: folder.name))

    def insist(self) -> None:
        """Make sure that runs are kept here, or can be; nothing is left behind.

        Raises:
            OSError: when something else is in its place, or there is none and none can be made.
        """
        if self.path.is_dir():
            return
        if self.path.exists():
            raise NotADirectoryError(errno.ENOTDIR, "is no folder: set TANDEM_STATE to one", str(self.path))
        above = next(parent for parent in self.path.parents if parent.exists())
        try:
            Path(tempfile.mkdtemp(prefix=".tandem-", dir=above)).rmdir()  # access(2) says of /proc that root may write there
        except OSError as error:
            why = f"is not there and cannot be made ({error.strerror}): set TANDEM_STATE to a folder that can"
            raise OSError(error.errno, why, str(self.path)) from error


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Where prepared data is kept: `$TANDEM_CACHE`, or the user's cache folder."""
    said = environ.get("TANDEM_CACHE")
    return Path(said).expanduser().resolve() if said else platformdirs.user_cache_path("tandem").resolve()
