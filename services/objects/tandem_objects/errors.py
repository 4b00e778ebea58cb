"""What can go wrong with a store, told apart by what the reader can do about it.

Every message is one line that names the object or the setting, the value and the fix, and never holds a secret. It is
shown to people as it stands.
"""
# ruff: noqa: N818  the names say what is the case; "NotFoundError" would say it twice


class ObjectError(Exception):
    """Something went wrong with an object or its store.

    Attributes:
        retryable: Whether the same request may well succeed later. The stores have tried for a while already.
    """

    retryable: bool = False

    def __init__(self, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        if retryable is not None:
            self.retryable = retryable


class NotFound(ObjectError):
    """There is no object of this key."""


class OutOfRange(ObjectError):
    """The object ends before the range does."""


class AccessDenied(ObjectError):
    """The credentials are wrong or too weak, or the directory may not be read or written."""


class NoSuchBucket(ObjectError):
    """The bucket does not exist at this endpoint. Nothing here ever makes one."""


class StoreFull(ObjectError):
    """The disk or the quota is full. What was stored before is intact."""


class Unreachable(ObjectError):
    """The endpoint gave no answer in time."""

    retryable = True


class InvalidAddress(ObjectError):
    """An address, a key or a setting that can never work."""
