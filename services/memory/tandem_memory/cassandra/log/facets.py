"""What a record is found by in Cassandra's indexes, and what of a filter they can be asked. Pure.

The rest of a filter is asked of the records that come back; they are read as they are at a quorum anyway.
"""

from collections.abc import Iterator

from tandem.memory.v1.memory_pb2 import Filter, Record

from tandem_memory.index.fields.columns import nanoseconds

_EDGE_NS = 2**63 - 1  # where `nanoseconds` ends: instants beyond are alike there


def facets(identity: str, record: Record) -> set[str]:
    """The words that a record is found by."""
    return {
        identity,
        f"{identity} source {record.source}",
        f"{identity} verified {int(record.verified)}",
        *(f"{identity} tag {tag}" for tag in record.tags),
    }


def asked(identity: str, wanted: Filter) -> tuple[str, list[object]]:
    """Conditions in CQL that every record that is wanted meets, and their values."""
    words = list(_words(identity, wanted)) or [identity]
    conditions = ["facets CONTAINS ?" for _ in words]
    values: list[object] = [*words]
    for condition, value in _bounds(wanted):
        conditions.append(condition)
        values.append(value)
    return " AND ".join(conditions), values


def _words(identity: str, wanted: Filter) -> Iterator[str]:
    """One source or kind of proof can be asked for; any of several cannot."""
    if len(set(wanted.sources)) == 1:
        yield f"{identity} source {wanted.sources[0]}"
    if len(set(wanted.verified)) == 1:
        yield f"{identity} verified {int(wanted.verified[0])}"
    for tag in sorted(set(wanted.tags)):
        yield f"{identity} tag {tag}"


def _bounds(wanted: Filter) -> Iterator[tuple[str, object]]:
    if wanted.HasField("min_score"):
        yield "score >= ?", wanted.min_score
    if wanted.HasField("max_score"):
        yield "score <= ?", wanted.max_score
    if wanted.HasField("since") and abs(since := nanoseconds(wanted.since)) < _EDGE_NS:
        yield "made >= ?", since
    if wanted.HasField("until") and abs(until := nanoseconds(wanted.until)) < _EDGE_NS:
        yield "made < ?", until
