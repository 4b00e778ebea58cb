"""How records are removed: in parts, so that appends come in between, and each makes room for the next where the disk has none."""

from collections.abc import Sequence

from tandem_memory.backend import StoreFullError, StoreRemovedError, StoreUnsureError
from tandem_memory.embedded.committer import Committer
from tandem_memory.store import FEWEST, Remove

_AT_ONCE = 4096  # records: some 20 ms of the one thread that writes


async def removed(committer: Committer, namespace: str, positions: Sequence[int]) -> list[int]:
    """Remove records; the positions of those that were there.

    Raises:
        StoreFullError: not even the next few could be removed.
        StoreUnsureError: the next are removed, and may be back after a power cut.
    """
    gone, at_once = list[int](), _AT_ONCE
    while positions:
        try:
            gone += await committer.do(Remove(namespace=namespace, positions=positions[:at_once]))
        except (StoreRemovedError, StoreUnsureError):
            raise
        except StoreFullError:
            if at_once <= FEWEST:
                raise
            at_once = FEWEST
        else:
            positions, at_once = positions[at_once:], min(2 * at_once, _AT_ONCE)
    return gone
