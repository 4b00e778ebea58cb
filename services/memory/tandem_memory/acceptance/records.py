"""Records. What the service sets itself is empty in what is appended, and there only in what was exported."""

from collections.abc import Sequence

from tandem.memory.v1.memory_pb2 import AppendRequest, ImportRequest, Record

from tandem_memory.acceptance import limits
from tandem_memory.acceptance.limits import Limits
from tandem_memory.acceptance.values import (
    UnacceptableError,
    check_count,
    check_each,
    check_finite,
    check_key,
    check_money,
    check_namespace,
    check_text,
    check_texts,
    check_time,
    check_times,
    check_vector,
    check_verified,
    check_within,
)

_OURS = ("appended_at", "use")


def check_append(request: AppendRequest, most: Limits) -> None:
    """Let `request` pass.

    Raises:
        UnacceptableError: when any of its records cannot be taken in; then none is.
    """
    check_namespace(request.namespace)
    _check_records(request.records, request.ByteSize(), most)
    check_each("records", request.records, _check_appended)


def check_import(request: ImportRequest, most: Limits) -> None:
    """The same, for records that come out of an export."""
    check_namespace(request.namespace)
    _check_records(request.records, request.ByteSize(), most)
    check_each("records", request.records, _check_exported)


def _check_appended(record: Record) -> None:
    if record.id or any(record.HasField(field) for field in _OURS):
        field = "id" if record.id else next(field for field in _OURS if record.HasField(field))
        raise UnacceptableError(field=field, problem="set by the service; leave it out, or import the record")


def _check_exported(record: Record) -> None:
    check_time("appended_at", record.appended_at)
    check_finite("use.gain", record.use.gain)
    check_texts("use.by_source", record.use.by_source)
    check_times("use.times", record.use.times)
    for source, times in record.use.by_source.items():
        check_times(f"use.by_source[{source!r}]", times)


def _check_records(records: Sequence[Record], together_bytes: int, most: Limits) -> None:
    check_count("records", len(records), limits.RECORDS, "records")
    with_vectors = bool(records[0].vector)

    def check(record: Record) -> None:
        if together_bytes > most.record_bytes and record.ByteSize() > most.record_bytes:
            limit = f"at most {most.record_bytes} are taken (TANDEM_MEMORY_MOST_RECORD_BYTES)"
            raise UnacceptableError(field="", problem=f"{record.ByteSize()} bytes; {limit}")
        _check_record(record, with_vector=with_vectors)

    check_each("records", records, check)


def _check_record(record: Record, *, with_vector: bool) -> None:
    vector = record.vector
    check_key("key", record.key)
    if bool(vector) is not with_vector:
        problem = "one record with and one without; send vectors for all of a request or for none"
        raise UnacceptableError(field="vector", problem=problem)
    if vector:
        check_vector("vector", vector)
    elif not record.question:
        raise UnacceptableError(field="question", problem="absent, and there is no vector; give one of the two, to be found by")
    _check_words(record)
    _check_figures(record)


def _check_words(record: Record) -> None:
    check_text("source", record.source)
    check_text("model", record.model)
    check_text("source_hash", record.source_hash)
    if record.tags:
        check_texts("tags", record.tags)
    if len(record.strategy) > limits.ITEMS:
        raise UnacceptableError(field="strategy", problem=f"{len(record.strategy)} items; use at most {limits.ITEMS}")


def _check_figures(record: Record) -> None:
    has = record.HasField
    if has("at"):
        check_time("at", record.at)
    if has("score"):
        check_within("score", record.score, 0, 1)
    if has("agreement"):
        check_within("agreement", record.agreement, 0, 1)
    check_money("cost_usd", record.cost_usd)
    check_verified("verified", record.verified)
    if record.metrics:
        check_texts("metrics", record.metrics)
        for name, value in record.metrics.items():
            check_finite(f"metrics[{name!r}]", value)
