"""What can be wrong with the files of a store, beyond what every backend may refuse."""


class DamagedError(Exception):
    """What was read is not what was written.

    Attributes:
        where: The table and the key, or the page.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


class FormatError(Exception):
    """The folder holds something that this version cannot open."""


class InUseError(Exception):
    """Another process has the store open: it knows positions that this one would give a second time."""


class SnapshotLostError(Exception):
    """A long reading was ended because the map had to move under it; begin again."""
