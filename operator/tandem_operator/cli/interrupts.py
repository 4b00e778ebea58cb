"""Ctrl-C and its kin, counted instead of thrown: between two looks, never in the middle of one."""

import os
import signal
import socket
from types import FrameType, TracebackType
from typing import Self

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a terminal that is closed asks politely, too


class Interrupts:
    """While this is entered, requests to leave are counted and wake whoever sleeps on `descriptor`."""

    def __init__(self) -> None:
        self._mine, self._kernels = socket.socketpair()
        self._asked = 0
        self._told = 0

    @property
    def descriptor(self) -> int:
        """Can be read once a request has come."""
        return self._mine.fileno()

    def new(self) -> bool:
        """Whether a request has come since this was last asked."""
        try:
            while os.read(self._mine.fileno(), 64):
                pass
        except BlockingIOError:
            pass
        new, self._told = self._asked > self._told, self._asked
        return new

    def _count(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked += 1

    def __enter__(self) -> Self:
        self._mine.setblocking(False)  # noqa: FBT003 - the signature of socket
        self._kernels.setblocking(False)  # noqa: FBT003 - the signature of socket
        signal.set_wakeup_fd(self._kernels.fileno(), warn_on_full_buffer=False)
        heard = [number for number in _ASKING if signal.getsignal(number) is not signal.SIG_IGN]  # nohup means it
        self._before = {number: signal.signal(number, self._count) for number in heard}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        signal.set_wakeup_fd(-1)  # first: one that comes between the lines below leaves nothing behind that is closed
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._mine.close()
        self._kernels.close()
