"""The memory file of the first scripts, `training_memory.pkl`, as records.

    {"experiences": [{"question": ..., "answer": ..., "metrics": {...}, "timestamp": "2025-11-10T19:00:00", "source": "cloud"}]}

Keys are made of the content, so that importing a file that has grown takes in what is new. Fields that a record has no place for
are counted and left out, as are metrics that are no numbers; one that is None, NaN or infinite was not measured.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TypeGuard, cast

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.record import Record
from tandem_memory.transfer import pickles
from tandem_memory.transfer.lines import MistakeError, content_key
from tandem_memory.transfer.pickles import Limits

_FIELDS = {"question", "answer", "metrics", "timestamp", "source"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a memory file holds.

    Attributes:
        records: The records, each under its key.
        left_out: Fields that were left out, and how often.
    """

    records: Sequence[wire.Record]
    left_out: Mapping[str, int]


def read(path: Path, zone: tzinfo = UTC, limits: Limits | None = None) -> Found:
    """Records of a memory file.

    Args:
        path: The pickle.
        zone: Where its clocks stood: times in it have no zone.
        limits: How large it may be.

    Raises:
        MistakeError: when it is not such a file, or is more than data; one line that begins with the path.
        OSError: when it cannot be read.
    """
    limits = limits or Limits()
    try:
        with path.open("rb") as file:
            held = pickles.plain(file.read(limits.bytes + 1), limits)
        left_out: Counter[str] = Counter()
        records = [_record(at, each, zone, left_out) for at, each in enumerate(_experiences(held))]
    except MistakeError as error:
        msg = f"{path}: {error}"
        raise MistakeError(msg) from None
    return Found(records=records, left_out=left_out)


def question_digest(question: str) -> str:
    """The source_hash of a question: alike whatever the spaces around and in it."""
    return hashlib.sha256(" ".join(question.split()).encode()).hexdigest()[:32]


def _experiences(held: object) -> Iterator[object]:
    told = cast("dict[object, object]", held).get("experiences") if isinstance(held, dict) else held
    if not isinstance(told, list | tuple):
        msg = 'experiences: there are none; the file must hold {"experiences": [...]}'
        raise MistakeError(msg)
    return iter(cast("Sequence[object]", told))


def _record(at: int, experience: object, zone: tzinfo, left_out: Counter[str]) -> wire.Record:
    where = f"experiences[{at}]"
    if not isinstance(experience, dict):
        msg = f"{where}: is no dict but {type(experience).__name__}"
        raise MistakeError(msg)
    fields = cast("dict[object, object]", experience)
    left_out.update(str(name)[:60] for name in fields if name not in _FIELDS)
    question = _text(where, fields, "question")
    if not question:
        msg = f"{where}.question: is absent"
        raise MistakeError(msg)
    record = Record(
        question=question,
        answer=_text(where, fields, "answer"),
        source=_text(where, fields, "source"),
        at=_moment(where, fields.get("timestamp"), zone),
        metrics=_metrics(where, fields.get("metrics"), left_out),
        source_hash=question_digest(question),
    ).message()
    record.key = content_key(record)
    return record


def _text(where: str, fields: Mapping[object, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        msg = f"{where}.{name}: is no text but {type(value).__name__}"
        raise MistakeError(msg)
    return value.encode("utf-8", "replace").decode()  # half a surrogate pair can be pickled, and sent nowhere


def _metrics(where: str, told: object, left_out: Counter[str]) -> Mapping[str, float]:
    if told is None:
        return {}
    if not isinstance(told, dict):
        msg = f"{where}.metrics: is no dict but {type(told).__name__}"
        raise MistakeError(msg)
    metrics = cast("dict[object, object]", told)
    left_out.update(f"metrics.{name}"[:60] for name, value in metrics.items() if not (value is None or _number(value)))
    return {str(name): figure for name, value in metrics.items() if _number(value) and (figure := _figure(value)) is not None}


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(value: float) -> float | None:
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an int beyond all floats
        return None


def _moment(where: str, told: object, zone: tzinfo) -> datetime | None:
    try:
        match told:
            case None:
                return None
            case str():
                at = datetime.fromisoformat(told)
                return at if at.tzinfo else at.replace(tzinfo=zone)
            case int() | float():
                return datetime.fromtimestamp(told, UTC)
            case _:
                problem = f"is no time but {type(told).__name__}"
    except (ValueError, OverflowError, OSError):
        problem = f"{str(told)[:60]!r} is no time"
    msg = f"{where}.timestamp: {problem}; ISO 8601 text and seconds since 1970 are read"
    raise MistakeError(msg)
