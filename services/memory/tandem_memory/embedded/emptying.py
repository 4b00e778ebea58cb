"""How records are removed when the disk has no room for the removal itself: in parts, each of which makes room for the next."""

from collections.abc import Sequence

from tandem_memory.backend import StoreFullError, StoreRemovedError
from tandem_memory.embedded.committer import Committer
from tandem_memory.store import FEWEST, Remove


async def removed(committer: Committer, namespace: str, positions: Sequence[int]) -> list[int]:
    """Remove records, all at once where there is room for that; the positions of those that were there.

    Raises:
        StoreFullError: not even the next few could be removed.
    """
    gone, at_once = list[int](), len(positions)
    while positions:
        try:
            gone += await committer.do(Remove(namespace=namespace, positions=positions[:at_once]))
        except StoreRemovedError:
            raise
        except StoreFullError:
            if at_once <= FEWEST:
                raise
            at_once = FEWEST
        else:
            positions, at_once = positions[at_once:], 2 * at_once
    return gone
