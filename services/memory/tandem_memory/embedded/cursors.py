"""Where somebody is in a log, in words that mean something to nobody else: the namespace's identity and a spot."""

import re

from tandem_memory.backend import CursorError
from tandem_memory.store import Namespace, Spot

_CURSOR = re.compile(r"([0-9a-f]+)\.([0-9]{1,20})(?:\.([0-9]{1,20}))?", re.ASCII)


def cursor(namespace: Namespace, spot: Spot) -> str:
    """Where who is at `spot` goes on from."""
    told = f"{namespace.identity}.{spot.position}"
    return told if spot.since <= spot.position else f"{told}.{spot.since}"


def spot(namespace: Namespace, given: str, last: int) -> Spot:
    """What `cursor` made; the beginning, of an empty one.

    Raises:
        CursorError: when it is of another namespace or another store, or further on than this log has come.
    """
    if not given:
        return Spot(0)
    found = _CURSOR.fullmatch(given)
    position, since = (int(each or 0) for each in found.groups()[1:]) if found else (0, 0)
    if not found or found[1] != namespace.identity or max(position, since) > last:
        msg = f"{given!r} is no cursor of namespace {namespace.name!r}: begin without one"
        raise CursorError(msg)
    return Spot(position, since)
