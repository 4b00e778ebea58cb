"""How workers, shells and people use the shared memory. Light to import: gRPC and numpy are loaded when used."""

from tandem_memory.client.answers import Appended, Change, Hit, Imported, Judged, News, Pruned, Removed
from tandem_memory.client.asynchronous import AsyncMemory
from tandem_memory.client.blocking import Memory
from tandem_memory.client.errors import (
    BrokenError,
    BusyError,
    ClosedError,
    CursorTooOldError,
    DeniedError,
    FullError,
    MemoryServiceError,
    NotThereError,
    RefusedError,
    TooLateError,
    UnreachableError,
)
from tandem_memory.client.figures import SourceStats, Stats
from tandem_memory.client.filter import EVERYTHING, Bounds, Filter
from tandem_memory.client.requests import Pruning, keyed
from tandem_memory.client.streams.appender import Appender, AsyncAppender
from tandem_memory.client.streams.searcher import AsyncSearcher, Searcher
from tandem_memory.client.streams.watch import AsyncWatch, Watch
from tandem_memory.client.streams.writer import AsyncWriter, Writer
from tandem_memory.measured import METRICS, Metric
from tandem_memory.record import Record, Use, Verified

__all__ = [
    "EVERYTHING",
    "METRICS",
    "Appended",
    "Appender",
    "AsyncAppender",
    "AsyncMemory",
    "AsyncSearcher",
    "AsyncWatch",
    "AsyncWriter",
    "Bounds",
    "BrokenError",
    "BusyError",
    "Change",
    "ClosedError",
    "CursorTooOldError",
    "DeniedError",
    "Filter",
    "FullError",
    "Hit",
    "Imported",
    "Judged",
    "Memory",
    "MemoryServiceError",
    "Metric",
    "News",
    "NotThereError",
    "Pruned",
    "Pruning",
    "Record",
    "RefusedError",
    "Removed",
    "Searcher",
    "SourceStats",
    "Stats",
    "TooLateError",
    "UnreachableError",
    "Use",
    "Verified",
    "Watch",
    "Writer",
    "keyed",
]
