"""What is kept at a position: the moment that the change was made, and its message."""

import struct
from typing import TypeVar

from tandem.memory.v1.memory_pb2 import Change, Record

_AT_US = struct.Struct(">q")

_Message = TypeVar("_Message", Record, Change)


def written(at_us: int, message: Record | Change) -> bytes:
    """As it is kept."""
    return _AT_US.pack(at_us) + message.SerializeToString()


def parsed(kind: type[_Message], value: bytes) -> _Message:
    """The message that `written` wrote."""
    return kind.FromString(as_kept(value))


def as_kept(value: bytes) -> bytes:
    """The message that `written` wrote, as it is on the wire."""
    return value[_AT_US.size :]


def moment_us(value: bytes) -> int:
    """The moment that `written` wrote."""
    (at_us,) = _AT_US.unpack_from(value)
    return at_us
