"""Rows of a mapped file that are about to be read: the kernel is told of all of them at once, so that the disk reads them side by side.

Who touches a row that is not in memory waits for it, here with the interpreter in hand, and the kernel reads much around it that nobody
asked for.
"""

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import numpy as np
import numpy.typing as npt

_PROCESS_MADVISE, _WILL_NEED = 440, 3  # the same on every processor (Linux 5.10)
_MOST = 1024  # ranges in a call


def read(rows: npt.NDArray[np.float32], slots: npt.NDArray[np.int64]) -> None:
    """Tell of the rows at `slots`, shape (n,), of a mapped array, shape (rows, d); does not wait for them."""
    madvise = _madvise()
    if madvise is None:
        return
    ranges = np.empty((len(slots), 2), np.uint64)  # as `struct iovec` has them: where each begins, and its bytes
    ranges[:, 0] = slots * rows.strides[0] + rows.ctypes.data
    ranges[:, 1] = rows.strides[0]
    for at in range(0, len(ranges), _MOST):
        part = ranges[at : at + _MOST]
        madvise(part.ctypes.data, len(part))


@cache
def _madvise() -> "Callable[[int, int], object] | None":
    """Tells the kernel; None where it does not listen."""
    with suppress(OSError, AttributeError):  # no Linux, or an older one
        call, this = ctypes.CDLL(None).syscall, os.pidfd_open(os.getpid())
        call.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint)
        call.restype = ctypes.c_long
        return lambda place, count: call(_PROCESS_MADVISE, this, place, count, _WILL_NEED, 0)
    return None
