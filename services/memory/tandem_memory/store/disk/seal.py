"""How a value is kept, so that one flipped bit in it, or a value under another's key, is noticed when it is read.

LMDB trusts its pages; disks, file systems and memory are not always right. A CRC-32 over key and value costs less than
a microsecond for a record and its vector, and misses one flip in four billion.
"""

import struct
import zlib

from tandem_memory.backend import DamagedError
from tandem_memory.store.disk.tables import Table

_CRC = struct.Struct(">I")


def sealed(key: bytes, value: bytes) -> bytes:
    """The value as it is kept."""
    return _CRC.pack(zlib.crc32(value, zlib.crc32(key))) + value


def unsealed(table: Table, key: bytes, kept: bytes) -> bytes:
    """The value as it was handed in.

    Raises:
        DamagedError: when it is not.
    """
    value = unproven(kept)
    if len(kept) < _CRC.size or _CRC.unpack_from(kept)[0] != zlib.crc32(value, zlib.crc32(key)):
        raise DamagedError(located(table, key), "not as it was written")
    return value


def unproven(kept: bytes) -> bytes:
    """The value under its seal, whether or not it is as it was handed in."""
    return kept[_CRC.size :]


def located(table: Table, key: bytes) -> str:
    """A place in the store, in words."""
    if table in {Table.RECORDS, Table.VECTORS, Table.CHANGES, Table.USE, Table.FOLDED} and len(key) == 12:  # noqa: PLR2004 - number and position
        return f"{table} {int.from_bytes(key[:4], 'big')}/{int.from_bytes(key[4:], 'big')}"
    if table in {Table.KEYS, Table.TOLD}:
        return f"{table} {int.from_bytes(key[:4], 'big')}/{key[4:].decode(errors='backslashreplace')}"
    return f"{table} {key.decode(errors='backslashreplace')}"
