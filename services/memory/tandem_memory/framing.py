"""A field as it is on the wire, to put behind a message that is kept: it is in that message then, which need not be read for it.

The wire (protobuf.dev/programming-guides/encoding) is one field behind the other: what it is, how long it is, its bytes.
"""

_LENGTH = 2  # the wire type of what says how long it is
_LOW, _MORE, _STEP = 0x7F, 0x80, 7  # of a varint: seven bits a byte, least first, and whether there are more


def field(number: int, value: bytes) -> bytes:
    """A field of bytes, of text or of a message."""
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def _varint(count: int) -> bytes:
    said = bytearray()
    while count > _LOW:
        said.append(count & _LOW | _MORE)
        count >>= _STEP
    said.append(count)
    return bytes(said)
