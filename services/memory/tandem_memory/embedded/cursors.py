"""Where somebody is in a log, in words that mean something to nobody else: the namespace's identity and a position."""

from tandem_memory.backend import CursorError
from tandem_memory.store import Namespace


def cursor(namespace: Namespace, position: int) -> str:
    """Where who has seen all up to `position` goes on from."""
    return f"{namespace.identity}.{position}"


def position(namespace: Namespace, given: str, last: int) -> int:
    """What `cursor` made; 0, the beginning, of an empty one.

    Raises:
        CursorError: when it is of another namespace or another store, or further on than this log has come.
    """
    if not given:
        return 0
    identity, _, number = given.partition(".")
    if identity != namespace.identity or not (number.isascii() and number.isdecimal()) or int(number[:20]) > last:
        msg = f"{given!r} is no cursor of namespace {namespace.name!r}: begin without one"
        raise CursorError(msg)
    return int(number)
