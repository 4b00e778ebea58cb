"""Whether two records are the same wherever they are kept: in every field but the id, which each store gives anew. Pure."""

from collections.abc import Sequence

from tandem.memory.v1.memory_pb2 import Record

_FIELDS = tuple(field.name for field in Record.DESCRIPTOR.fields if field.name != "id")


def differing(one: Record, other: Record) -> Sequence[str]:
    """The fields that are not the same in both, in the wire's order; one that is absent differs from one that is there and zero."""
    mine, theirs = ({field.name: value for field, value in each.ListFields()} for each in (one, other))
    return [name for name in _FIELDS if mine.get(name) != theirs.get(name)]
