"""How long to wait after failures in a row: twice as long each time, up to a limit, and never all clients at the same moment."""

import random
from typing import Final

_DOUBLED: Final = 16  # times, which is more than the longest wait; a power of any size would not be a number any more


def backoff_s(failures: int, first_s: float, longest_s: float) -> float:
    """The wait after so many failures in a row (1 or more), between half of it and all of it."""
    wait_s = min(first_s * 2.0 ** min(failures - 1, _DOUBLED), longest_s)
    return wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients out, keeps no secret
