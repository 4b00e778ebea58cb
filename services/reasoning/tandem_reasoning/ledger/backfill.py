"""Works the log of a ledger into its file, beside the commits: who waits for an answer waits for the log alone, hardly ever for the file.

SQLite would do it within whichever commit finds the log long, and all who asked meanwhile would wait for thousands of pages to reach the
disk (sqlite.org/wal.html, "Checkpointing"). Here a thread does it over a connection of its own, bit by bit, while commits go on. As
long as they do, a few pages are always new, and the log would not begin anew; those few are left to the one who commits, now and then.
"""

import logging
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

_EVERY_S = 2.0
"""Pages that many commits change are written once for all of them, and a busy disk is seldom asked for a second thing beside a commit: at
1,000 claims a second some 4,000 pages come together meanwhile."""

_LONG_PAGES = 4000
"""Of a log that is to begin anew: 16 MiB."""

_FEW_PAGES = 500
"""That a commit may be held up by: a few milliseconds."""

_PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"  # waits for nobody, and nobody waits for it
_log = logging.getLogger(__name__)


class Backfill:
    """The thread of one ledger."""

    def __init__(self, path: Path) -> None:
        """Begin. `path` is the file of a ledger that is open.

        Raises:
            sqlite3.Error: when it cannot be opened once more.
        """
        self._path = path
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = FULL")  # a log begins anew, over itself, once the file is on the disk
        self._news, self._leave, self._short = threading.Event(), threading.Event(), threading.Event()
        self._complained = ""
        self._thread = threading.Thread(target=self._run, name="backfill", daemon=True)
        self._thread.start()

    def committed(self, connection: sqlite3.Connection) -> None:
        """Something was committed over `connection`, by whoever calls this: if little is left to do, it is done here and now."""
        self._news.set()
        if self._short.is_set():
            self._short.clear()
            with suppress(sqlite3.Error):  # no fault of what was committed
                connection.execute(_PASSIVE).fetchone()

    def close(self) -> None:
        """Do no more. What is in the log alone is as durable as what is in the file."""
        self._leave.set()
        self._news.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while self._news.wait() and not self._leave.wait(_EVERY_S):
            self._news.clear()
            try:
                _, pages, done = self._connection.execute(_PASSIVE).fetchone()
            except sqlite3.Error as error:  # if the disk is full or away, commits say so, too, to those who ask
                self._complain(f"{self._path}: its log cannot be worked into it: {error}")
                self._news.set()
                continue
            if pages > _LONG_PAGES and pages - done < _FEW_PAGES:
                self._short.set()

    def _complain(self, text: str) -> None:
        if text != self._complained:
            self._complained = text
            _log.warning("%s", text)
