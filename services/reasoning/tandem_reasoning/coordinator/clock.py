"""What time it is for the books: seconds since 1970 that go on evenly, whatever is done to the machine's clock meanwhile.

Leases run by it: a wall clock that is set forward by an hour would end all of them at once.
"""

import time
from collections.abc import Callable


def steady() -> Callable[[], float]:
    """A clock: what the wall's says now, and from then on what a monotonic one adds."""
    begun = time.time() - time.monotonic()
    return lambda: begun + time.monotonic()
