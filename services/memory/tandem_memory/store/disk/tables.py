"""The tables of a store and how their keys are made.

Every change of a namespace (a record, a removal, a judgement) takes its next position. Keys begin with the namespace's
number and are big-endian, so that a walk over a table is a walk through time.
"""

import struct
from enum import StrEnum

_POSITION_KEY = struct.Struct(">IQ")
_NUMBER = struct.Struct(">I")
_POSITION = struct.Struct(">Q")


class Table(StrEnum):
    """What is kept, and under which key."""

    FORMAT = "format"  # "version" -> what wrote this store; "identity" -> 16 bytes that no other has but its copies
    NAMESPACES = "namespaces"  # name -> what does not change about it, as JSON
    RECORDS = "records"  # number, position -> time, Record without id and vector, with the use that it came with
    VECTORS = "vectors"  # number, position -> its vector
    CHANGES = "changes"  # number, position -> time, Change; a position without one is, or was, a record's, or is forgotten
    USE = "use"  # number, position of a record -> Use, once it was judged
    KEYS = "keys"  # number, key -> position of the record that is there under this key
    TOLD = "told"  # number, key -> position of the judgement that was told under this key
    FORGOTTEN = "forgotten"  # number -> position of the last change that the log has forgotten
    FOLDED = "folded"  # number, position of a record -> Use, as it was up to the last change that the log has forgotten


def place(number: int, position: int) -> bytes:
    """The key of a position in a namespace."""
    return _POSITION_KEY.pack(number, position)


def placed(key: bytes) -> tuple[int, int]:
    """The namespace's number and the position that `place` made a key of."""
    number, position = _POSITION_KEY.unpack(key)
    return number, position


def named(number: int, name: str) -> bytes:
    """The key of a writer's own name within a namespace."""
    return _NUMBER.pack(number) + name.encode()


def prefix(number: int) -> bytes:
    """What all keys of a namespace begin with."""
    return _NUMBER.pack(number)


def packed(position: int) -> bytes:
    """A position as a value."""
    return _POSITION.pack(position)


def unpacked(value: bytes) -> int:
    """The position that `packed` made a value of."""
    (position,) = _POSITION.unpack(value)
    return position
