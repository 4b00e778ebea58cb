"""What holds for every log, wherever it is kept: what tells it from others, which vectors belong into it, and what a record is there."""

import secrets
from collections.abc import Iterable

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Record

from tandem_memory.backend import DimensionError, EmbeddingError, Origin

FLOAT_BYTES = 4  # of a vector's component
_IDENTITY_BYTES = 6  # two namespaces of one name, in stores that somebody swapped, are alike once in 10^14
_MICROSECONDS = 1_000_000


def new_identity() -> str:
    """What tells a namespace from all others, of its name, too."""
    return secrets.token_hex(_IDENTITY_BYTES)


def check(dimensions: Iterable[int], embedding: str, wanted: Origin) -> None:
    """Refuse vectors that do not belong into a namespace.

    Args:
        dimensions: Of each.
        embedding: What made them.
        wanted: Where the namespace's come from.

    Raises:
        DimensionError: for another dimension.
        EmbeddingError: for another origin.
    """
    for at, given in enumerate(dimensions):
        if given != wanted.dimension:
            raise DimensionError(wanted.dimension, given, at)
    if embedding != wanted.embedding:
        raise EmbeddingError(wanted.embedding, embedding)


def kept(record: Record, at_us: int, *, back: bool) -> Record:
    """The record without what is kept beside it, its id and its vector.

    Args:
        record: As it was handed in.
        at_us: The moment that it is taken in, microseconds since 1970.
        back: Whether it comes out of an export, with its times and its use.
    """
    own = Record()
    own.CopyFrom(record)
    own.ClearField("id")
    own.ClearField("vector")
    if not back:
        own.ClearField("use")
    if not (back and own.HasField("appended_at")):
        _stamp(own.appended_at, at_us)
    if not own.HasField("at"):
        own.at.CopyFrom(own.appended_at)
    return own


def _stamp(field: Timestamp, at_us: int) -> None:
    """Set a field to microseconds since 1970. Twice as fast as to make a message and copy it, and every record needs it."""
    field.seconds, rest = divmod(at_us, _MICROSECONDS)
    field.nanos = rest * 1000
