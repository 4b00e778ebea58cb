"""Records. What the service sets itself is empty in what is appended, and there only in what was exported."""

from collections.abc import Sequence

from tandem.memory.v1.memory_pb2 import AppendRequest, ImportRequest, Record, Use

from tandem_memory.acceptance import limits
from tandem_memory.acceptance.limits import Limits
from tandem_memory.acceptance.values import (
    UnacceptableError,
    all_vectors,
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
    check_text("embedding", request.embedding)
    _check_records(request.records, request.ByteSize(), most)
    check_each("records", request.records, _check_exported)


def _check_appended(record: Record) -> None:
    if record.id or any(record.HasField(field) for field in _OURS):
        field = "id" if record.id else next(field for field in _OURS if record.HasField(field))
        raise UnacceptableError(field=field, problem="set by the service; leave it out, or import the record")


def _check_exported(record: Record) -> None:
    check_time("appended_at", record.appended_at)
    _check_use(record.use)


def _check_use(use: Use) -> None:
    """What feedback comes to: a gain of -1 to 1 each time, and no source that said so more often than all."""
    check_texts("use.by_source", use.by_source)
    check_times("use.times", use.times)
    for source, times in use.by_source.items():
        check_times(f"use.by_source[{source!r}]", times)
    check_within("use.gain", use.gain, -use.times, use.times, fix="each of use.times is -1 to 1")
    if (told := sum(use.by_source.values())) > use.times:
        raise UnacceptableError(field="use.by_source", problem=f"{told} in all, and use.times is {use.times}; give at least as many times")


def _check_records(records: Sequence[Record], together_bytes: int, most: Limits) -> None:
    check_count("records", len(records), limits.RECORDS, "records")
    vectors = [record.vector for record in records]
    with_vectors, well = bool(vectors[0]), len(vectors) > 1 and all_vectors(vectors)

    def check(record: Record) -> None:
        if together_bytes > most.record_bytes and record.ByteSize() > most.record_bytes:
            limit = f"at most {most.record_bytes} are taken (TANDEM_MEMORY_MOST_RECORD_BYTES)"
            raise UnacceptableError(field="", problem=f"{record.ByteSize()} bytes; {limit}")
        _check_record(record, with_vector=with_vectors, vector_is_well=well)

    check_each("records", records, check)


def _check_record(record: Record, *, with_vector: bool, vector_is_well: bool) -> None:
    check_key("key", record.key)
    if not vector_is_well:
        _check_found_by(record, with_vector=with_vector)
    _check_words(record)
    _check_figures(record)


def _check_found_by(record: Record, *, with_vector: bool) -> None:
    vector = record.vector
    if bool(vector) is not with_vector:
        problem = "one record with and one without; send vectors for all of a request or for none"
        raise UnacceptableError(field="vector", problem=problem)
    if vector:
        check_vector("vector", vector)
    elif not record.question:
        raise UnacceptableError(field="question", problem="absent, and there is no vector; give one of the two, to be found by")


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
