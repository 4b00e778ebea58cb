"""What a backend may say in place of an answer."""

from collections.abc import Callable
from typing import Any, TypeAlias


class StoreFullError(Exception):
    """Nothing can be taken in: the disk is full or may not be written. What is there is served all the same."""


class StoreRemovedError(StoreFullError):
    """Somebody removed the store's file under the service: what would be put into it now, no next start would find."""


class StoreUnsureError(StoreFullError):
    """It was written, and the disk broke off before that was certain to last: it is there now, and is not to be written a second time.

    Attributes:
        done: What came of it, as it would have been returned.
    """

    def __init__(self, message: str, done: Any = None) -> None:  # noqa: ANN401  # whatever is returned where it is raised
        super().__init__(message)
        self.done = done


class StoreUnavailableError(Exception):
    """Too few of the machines that keep the records answer; or, on a single one, its files are held by a copy that is being taken.

    Whether what was asked has been done is not known; nothing is lost or doubled by asking again, under the same keys.
    """


class UnknownNamespaceError(LookupError):
    """There is no such namespace yet."""


class DimensionError(ValueError):
    """A vector is not of the namespace's dimension.

    Attributes:
        wanted: The namespace's dimension.
        given: The vector's.
        at: Its place among those that were given, where that is known.
    """

    def __init__(self, wanted: int, given: int, at: int | None = None) -> None:
        super().__init__(f"{given} dimensions, this namespace has {wanted}")
        self.wanted, self.given, self.at = wanted, given, at


class EmbeddingError(ValueError):
    """Texts and vectors of different origin do not belong into one namespace.

    Attributes:
        wanted: What the namespace is embedded by; "caller" for vectors of its callers.
        given: What was offered.
    """

    def __init__(self, wanted: str, given: str) -> None:
        super().__init__(f"embedded by {given}, this namespace by {wanted}")
        self.wanted, self.given = wanted, given


class CursorError(ValueError):
    """A cursor or an id that this backend has not given."""


class CursorTooOldError(CursorError):
    """A cursor from so long ago that what came behind it is not all known any more.

    Attributes:
        position: Where it is.
        forgotten: Up to where the log has forgotten.
    """

    def __init__(self, position: object, forgotten: object) -> None:
        super().__init__(f"it is at {position}, and what was removed or judged up to {forgotten} is forgotten by now")
        self.position, self.forgotten = position, forgotten


class DamagedError(Exception):
    """What is kept is not what was written.

    Attributes:
        where: The table and the key, or the page.
        what: What is wrong there.
    """

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where, self.what = where, what


OnDamage: TypeAlias = Callable[[DamagedError], None]
"""Hears of what is passed over, in any thread."""


class ReadingLostError(Exception):
    """A long reading could not be held at its moment to its end; begin again."""
