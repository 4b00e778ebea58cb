"""What a reporter still has to say, in bounded memory, to a sink that may vanish at any moment.

Reports wait in line. When the line is full, or the sink was lost and found again, the line gives way to one report that says
everything that was ever said in the attempt: nothing that a later report did not repeat, the address of a checkpoint say, is
lost, and memory stays what it was.
"""

import threading
from collections import deque

from tandem.telemetry.v1.telemetry_pb2 import WorkerReport

from tandem_telemetry.newest import Newest, RunKey, merged, run_key

_LONGEST_LINE = 256  # half a minute of a fast trainer; what is beyond is merged, not lost


class Outbox:
    """Reports that wait to be sent. Streams are numbered, and only the last takes: gRPC may go on reading for one that broke."""

    def __init__(self, longest: int = _LONGEST_LINE) -> None:
        self._line: deque[WorkerReport] = deque()
        self._longest = longest
        self._said: dict[RunKey, Newest] = {}
        self._changed = threading.Condition()
        self._stream = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self._line)

    @property
    def untouched(self) -> bool:
        """Whether there was never anything to say."""
        return not self._said

    def put(self, report: WorkerReport) -> None:
        """Have a copy of `report` sent; never waits for the sink."""
        mine = WorkerReport()
        mine.CopyFrom(report)
        with self._changed:
            key = run_key(mine.source)
            self._said[key] = merged(self._said.get(key), mine)
            self._line.append(mine)
            if len(self._line) > self._longest:
                self._merge()
            self._changed.notify_all()

    def begin(self) -> int:
        """Number a new stream, which begins with all that was said; the one before takes no more."""
        with self._changed:
            self._stream += 1
            self._merge()
            self._changed.notify_all()
            return self._stream

    def take(self, stream: int) -> WorkerReport | None:
        """Wait for the next report to send; None when `stream` is over, or all is said and the outbox closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or self.closed or stream != self._stream)
            return self._line.popleft() if self._line and stream == self._stream else None

    def close(self) -> None:
        """Nothing more will be put."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def forget(self) -> None:
        """Say nothing of all this again: the sink cannot use it."""
        with self._changed:
            self._said.clear()
            self._line.clear()

    def _merge(self) -> None:
        self._line = deque(newest.report for newest in self._said.values())
