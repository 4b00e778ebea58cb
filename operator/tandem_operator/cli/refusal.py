"""What a machine that refuses is told as: where, why, and what to do about a disk that is full."""

import errno

_FULL = {errno.ENOSPC, errno.EDQUOT}


def refusal(error: OSError) -> str:
    """An error of the machine in a line."""
    where = f"{error.filename}: " if error.filename else ""
    way_on = ": make room on that disk" if error.errno in _FULL else ""
    return f"{where}{error.strerror or error}{way_on}"
