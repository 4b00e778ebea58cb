"""Decides how long to wait before something that failed is tried again: the one place for it in the lanes. Pure.

Full jitter: any time between nothing and a bound that doubles, which spreads those who failed together best
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). stamina does this elsewhere in Tandem; it sleeps by itself
and keeps its caller, while here the wait is handed out as a number and the item goes back into the queue.
"""

FIRST_S = 1.0
MOST_S = 60.0


def pause_s(failures: int, *, chance: float, told_s: float | None = None, first_s: float = FIRST_S, most_s: float = MOST_S) -> float:
    """Seconds to wait.

    Args:
        failures: How often it has failed in a row, from 1.
        chance: Drawn evenly from 0 to 1 by the caller.
        told_s: What the server asked for: waited in full, and a little more so that not all come back at once.
        first_s: Bound after the first failure.
        most_s: Bound after many.
    """
    if told_s is not None:
        return told_s + chance * min(first_s, told_s)
    return chance * min(most_s, first_s * 2.0 ** min(failures - 1, _DOUBLINGS))


_DOUBLINGS = 30  # beyond any bound, and far from where a float ends
