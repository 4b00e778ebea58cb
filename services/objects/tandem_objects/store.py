"""What every store can do. A directory and S3 keep to the same words, held to them by one conformance suite.

Keys are relative to the store's address and "/"-separated (see `keys.py`). A key that is the folder of another one
("a" beside "a/b") is an error in a directory and hides objects in MinIO: don't. All methods block, may be called from
many threads at once, and raise `ObjectError`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object as it is listed: its key, its size, and when it was written (UTC)."""

    key: str
    bytes: int
    modified: datetime


class Store(Protocol):
    """A place for objects."""

    @property
    def uri(self) -> str:
        """The address that the store was opened with."""
        ...

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Store `data`, over whatever was there. Readers see the old object or the new one, never half of one."""
        ...

    def put_if_absent(self, key: str, data: bytes | memoryview) -> bool:
        """Store `data` unless there is an object of this key; False then. Of many callers at once, one gets True.

        This is how things are committed: True means that it is durable, and was written by this very call, even where
        an answer was lost on the way and the request had to be sent again. After an error it may have been written or not.
        """
        ...

    def put_large(self, key: str, data: memoryview) -> None:
        """`put` for tens of MiB and more: in parallel parts where the store has them. Whole or absent all the same."""
        ...

    def get(self, key: str) -> bytes:
        """The whole object."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Bytes `start` to `start + length` of the object. All of them: `OutOfRange` where it ends before."""
        ...

    def get_range_into(self, key: str, start: int, out: memoryview) -> None:
        """`get_range` of as many bytes as `out` holds, read into it. After an error, `out` holds anything."""
        ...

    def stat(self, key: str) -> ObjectInfo | None:
        """What is known about the object; None where there is none."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects whose keys begin with `prefix`, sorted by key."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Make these objects absent, whether they are there or not. Gone for good when it returns."""
        ...

    def address(self, key: str) -> str:
        """The full address of an object, for people and for other tools."""
        ...
