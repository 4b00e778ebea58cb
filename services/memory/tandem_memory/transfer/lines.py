"""A record as a line of JSON: what an export writes and an import reads.

Fields have the wire's names and stand in its order, so that two exports of the same records are the same bytes; what is absent is left
out. Times are RFC 3339, to the nanosecond where the wire has it; money is text; a vector is base64 of little-endian float32, and
`embedding`, the last field, what made it.
"""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, cast

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.record import Verified


class MistakeError(ValueError):
    """A line, or a part of a file, cannot be used; the text is one line that says which field and what to give instead."""


class Carried(NamedTuple):
    """What a line says: a record, and what made its vector; empty when it has none, or does not say."""

    record: wire.Record
    embedding: str


def line(message: wire.Record, *, with_vector: bool = False, embedding: str = "") -> str:
    """The line of a record, without its end; with its vector it says what made that, if it is known."""
    fields: dict[str, object] = {}
    for name, told in _TOLD.items():
        value = told(message)
        if value is not None and (value or isinstance(value, float)) and (name != "vector" or with_vector):
            fields[name] = value
    if embedding and "vector" in fields:
        fields["embedding"] = embedding
    return json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def carried(text: str) -> Carried:
    """What a line says. A record without a key gets one that is made of its content: imported again, it is the same record.

    Raises:
        MistakeError: when it is no record.
    """
    try:
        fields: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"is no JSON ({error}); give one object a line"
        raise MistakeError(msg) from None
    if not isinstance(fields, dict):
        msg = 'is no JSON object; give one object a line, at least {"question": "..."}'
        raise MistakeError(msg)
    record, told = wire.Record(), cast("dict[str, object]", fields)
    for name, value in told.items():
        _take(record, name, value)
    if not record.question and not record.vector:
        msg = "question: is absent, and there is no vector; give what was asked, or what it is to be found by"
        raise MistakeError(msg)
    record.key = record.key or content_key(record)
    return Carried(record, str(told.get("embedding") or "") if record.vector else "")


def content_key(record: wire.Record) -> str:
    """A key that is the same for the same content, whatever became of the record since."""
    bare = wire.Record()
    bare.CopyFrom(record)
    for field in ("id", "key", "appended_at", "use"):
        bare.ClearField(field)
    return hashlib.sha256(line(bare, with_vector=True).encode()).hexdigest()[:40]  # 160 bits: no two contents meet by chance


def _take(record: wire.Record, name: str, value: object) -> None:
    taken = _TAKEN.get(name)
    if taken is None:
        msg = f"{name}: there is no such field; leave it out, or give one of {', '.join(_TAKEN)}"
        raise MistakeError(msg)
    if value is None:
        return
    try:
        taken(record, name, value)
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"{name}: {_short(value)}: {error}"
        raise MistakeError(msg) from None


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what a terminal's line has room for


def _text(record: wire.Record, name: str, value: object) -> None:
    _of_no_record(record, name, value)
    setattr(record, name, value)


def _of_no_record(_: wire.Record, __: str, value: object) -> None:
    if not isinstance(value, str):
        msg = "is no text"
        raise TypeError(msg)


def _texts(record: wire.Record, name: str, value: object) -> None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in cast("list[object]", value)):
        msg = "is no list of texts"
        raise TypeError(msg)
    getattr(record, name).extend(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = "is no number"
        raise TypeError(msg)
    if not math.isfinite(value):
        msg = "is not finite; leave out what was not measured"
        raise ValueError(msg)
    return float(value)


def _figure(record: wire.Record, name: str, value: object) -> None:
    setattr(record, name, _number(value))


def _time(record: wire.Record, name: str, value: object) -> None:
    if not isinstance(value, str):
        msg = 'is no time; give RFC 3339, such as "2025-11-10T19:00:00Z"'
        raise TypeError(msg)
    getattr(record, name).FromJsonString(value)


def _metrics(record: wire.Record, _: str, value: object) -> None:
    for metric, figure in _object(value).items():
        record.metrics[metric] = _number(figure)


def _verified(record: wire.Record, _: str, value: object) -> None:
    if value not in set(Verified):
        msg = f"is none of {', '.join(Verified)}"
        raise ValueError(msg)
    record.verified = Verified(str(value)).number


def _vector(record: wire.Record, _: str, value: object) -> None:
    try:
        record.vector = base64.b64decode(str(value), validate=True)
    except binascii.Error:
        msg = "is no base64"
        raise ValueError(msg) from None
    if not record.vector or len(record.vector) % 4:
        msg = f"holds {len(record.vector)} bytes; give 4 for each dimension"
        raise ValueError(msg)


def _use(record: wire.Record, _: str, value: object) -> None:
    told = _object(value)
    record.use.times = _count(told.get("times", 0))
    record.use.gain = _number(told.get("gain", 0.0))
    for source, times in _object(told.get("by_source", {})).items():
        record.use.by_source[source] = _count(times)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = "is no count"
        raise TypeError(msg)
    return value


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        msg = "is no object"
        raise TypeError(msg)
    return cast("dict[str, object]", value)


def _told_use(message: wire.Record) -> object:
    if not message.HasField("use"):
        return None
    use = message.use
    return {"times": use.times, "gain": use.gain, "by_source": dict(sorted(use.by_source.items()))}


def _moment(message: wire.Record, name: Literal["at", "appended_at"]) -> str | None:
    stamp: Timestamp = getattr(message, name)
    return stamp.ToJsonString() if message.HasField(name) else None


_TOLD: Mapping[str, Callable[[wire.Record], object]] = {
    "id": lambda message: message.id,
    "key": lambda message: message.key,
    "question": lambda message: message.question,
    "answer": lambda message: message.answer,
    "strategy": lambda message: list(message.strategy),
    "source": lambda message: message.source,
    "at": lambda message: _moment(message, "at"),
    "metrics": lambda message: dict(sorted(message.metrics.items())),
    "score": lambda message: message.score if message.HasField("score") else None,
    "agreement": lambda message: message.agreement if message.HasField("agreement") else None,
    "verified": lambda message: Verified.of(message.verified) if message.verified else None,
    "cost_usd": lambda message: message.cost_usd,
    "model": lambda message: message.model,
    "tags": lambda message: list(message.tags),
    "source_hash": lambda message: message.source_hash,
    "vector": lambda message: base64.b64encode(message.vector).decode(),
    "appended_at": lambda message: _moment(message, "appended_at"),
    "use": _told_use,
}

_TAKEN: Mapping[str, Callable[[wire.Record, str, object], None]] = {
    **dict.fromkeys(("id", "key", "question", "answer", "source", "cost_usd", "model", "source_hash"), _text),
    **dict.fromkeys(("strategy", "tags"), _texts),
    **dict.fromkeys(("at", "appended_at"), _time),
    **dict.fromkeys(("score", "agreement"), _figure),
    "metrics": _metrics,
    "verified": _verified,
    "vector": _vector,
    "use": _use,
    "embedding": _of_no_record,
}
