"""Why a store is not opened, beyond what every backend may say."""


class FormatError(Exception):
    """The folder holds something that this version cannot open."""


class NoStoreError(Exception):
    """There is no store in the folder that was given; a line with the fix."""


class InUseError(Exception):
    """Another process has the store open: it knows positions that this one would give a second time."""
