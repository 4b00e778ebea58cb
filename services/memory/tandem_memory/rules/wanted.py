"""Whether a filter admits a record: everything that it says must hold (protos/tandem/memory/v1/memory.proto, Filter).

For records that pass by one at a time. The index asks the same of all records at once, by columns.
"""

from collections.abc import Iterator

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Filter, MetricRange, Record, Use


def wants(wanted: Filter, record: Record) -> bool:
    """Whether `record` is as `wanted`; absent numbers are in no range."""
    return all(_conditions(wanted, record))


def utility(use: Use) -> float:
    """Mean gain of uses; 0 of a record that was never used."""
    return use.gain / use.times if use.times else 0.0


def _conditions(wanted: Filter, record: Record) -> Iterator[bool]:
    yield not wanted.sources or record.source in wanted.sources
    yield set(wanted.tags) <= set(record.tags)
    yield not wanted.verified or record.verified in wanted.verified
    yield not wanted.not_source_hash or record.source_hash != wanted.not_source_hash
    yield all(_measured(asked, record) for asked in wanted.metrics)
    if wanted.HasField("min_score"):
        yield record.HasField("score") and record.score >= wanted.min_score
    if wanted.HasField("max_score"):
        yield record.HasField("score") and record.score <= wanted.max_score
    if wanted.HasField("min_agreement"):
        yield record.HasField("agreement") and record.agreement >= wanted.min_agreement
    if wanted.HasField("min_utility"):
        yield utility(record.use) >= wanted.min_utility
    if wanted.HasField("since"):
        yield _instant(record.at) >= _instant(wanted.since)
    if wanted.HasField("until"):
        yield _instant(record.at) < _instant(wanted.until)


def _measured(asked: MetricRange, record: Record) -> bool:
    value = record.metrics.get(asked.metric)
    if value is None:
        return False
    return (not asked.HasField("min") or value >= asked.min) and (not asked.HasField("max") or value <= asked.max)


def _instant(at: Timestamp) -> tuple[int, int]:
    return at.seconds, at.nanos
