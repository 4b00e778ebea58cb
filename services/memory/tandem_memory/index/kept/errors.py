"""What can be wrong with a snapshot."""

from pathlib import Path


class SnapshotError(Exception):
    """There is no snapshot, or not as it was written: the index is to be built anew from the log.

    Attributes:
        where: The file or folder.
        what: What is wrong with it.
    """

    def __init__(self, where: Path, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what
