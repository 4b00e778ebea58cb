"""Records. What the service sets itself is empty in what is appended, and there only in what was exported."""

from collections.abc import Sequence

from tandem.memory.v1.memory_pb2 import AppendRequest, ImportRequest, Record

from tandem_memory.acceptance import limits
from tandem_memory.acceptance.limits import Limits
from tandem_memory.acceptance.values import (
    UnacceptableError,
    check_count,
    check_finite,
    check_key,
    check_money,
    check_namespace,
    check_text,
    check_texts,
    check_time,
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
    for at, record in enumerate(request.records):
        if record.id or any(record.HasField(field) for field in _OURS):
            field = "id" if record.id else next(field for field in _OURS if record.HasField(field))
            raise UnacceptableError(field=f"records[{at}].{field}", problem="set by the service; leave it out, or import the record")


def check_import(request: ImportRequest, most: Limits) -> None:
    """The same, for records that come out of an export."""
    check_namespace(request.namespace)
    _check_records(request.records, request.ByteSize(), most)
    for at, record in enumerate(request.records):
        check_time(f"records[{at}].appended_at", record.appended_at)
        check_finite(f"records[{at}].use.gain", record.use.gain)
        check_texts(f"records[{at}].use.by_source", record.use.by_source)


def _check_records(records: Sequence[Record], together_bytes: int, most: Limits) -> None:
    check_count("records", len(records), limits.RECORDS, "records")
    with_vectors = bool(records[0].vector)
    for at, record in enumerate(records):
        field = f"records[{at}]"
        if together_bytes > most.record_bytes and record.ByteSize() > most.record_bytes:
            limit = f"at most {most.record_bytes} are taken (TANDEM_MEMORY_MOST_RECORD_BYTES)"
            raise UnacceptableError(field=field, problem=f"{record.ByteSize()} bytes; {limit}")
        if bool(record.vector) is not with_vectors:
            problem = "one record with and one without; send vectors for all of a request or for none"
            raise UnacceptableError(field=f"{field}.vector", problem=problem)
        _check_record(field, record)


def _check_record(field: str, record: Record) -> None:
    check_key(f"{field}.key", record.key)
    if record.vector:
        check_vector(f"{field}.vector", record.vector)
    elif not record.question:
        raise UnacceptableError(field=f"{field}.question", problem="absent, and there is no vector; give one of the two, to be found by")
    _check_words(field, record)
    _check_figures(field, record)


def _check_words(field: str, record: Record) -> None:
    check_text(f"{field}.source", record.source)
    check_text(f"{field}.model", record.model)
    check_text(f"{field}.source_hash", record.source_hash)
    if record.tags:
        check_texts(f"{field}.tags", record.tags)
    if len(record.strategy) > limits.ITEMS:
        raise UnacceptableError(field=f"{field}.strategy", problem=f"{len(record.strategy)} items; use at most {limits.ITEMS}")


def _check_figures(field: str, record: Record) -> None:
    if record.HasField("at"):
        check_time(f"{field}.at", record.at)
    if record.HasField("score"):
        check_within(f"{field}.score", record.score, 0, 1)
    if record.HasField("agreement"):
        check_within(f"{field}.agreement", record.agreement, 0, 1)
    check_money(f"{field}.cost_usd", record.cost_usd)
    check_verified(f"{field}.verified", record.verified)
    if record.metrics:
        check_texts(f"{field}.metrics", record.metrics)
        for name, value in record.metrics.items():
            check_finite(f"{field}.metrics[{name!r}]", value)
