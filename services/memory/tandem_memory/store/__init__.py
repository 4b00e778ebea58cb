"""The log of records and what happened to them, on disk. The only room with lmdb."""

from tandem_memory.store.disk.errors import FormatError, InUseError, NoStoreError
from tandem_memory.store.disk.room import FEWEST
from tandem_memory.store.disk.snapshot import Snapshot
from tandem_memory.store.draft import Added, Effect, Gone, Used
from tandem_memory.store.jobs import Append, Job, Judge, Remove, position_in
from tandem_memory.store.namespace import Namespace
from tandem_memory.store.reading import Spot
from tandem_memory.store.store import LOG, Committed, Store, inspect

__all__ = [
    "FEWEST",
    "LOG",
    "Added",
    "Append",
    "Committed",
    "Effect",
    "FormatError",
    "Gone",
    "InUseError",
    "Job",
    "Judge",
    "Namespace",
    "NoStoreError",
    "Remove",
    "Snapshot",
    "Spot",
    "Store",
    "Used",
    "inspect",
    "position_in",
]
