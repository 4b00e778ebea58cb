"""One memory as Python has it, and the way to the wire and back: what is absent stays absent, and nothing is invented.

Light to import: numpy is loaded when a vector is touched. The names that metrics have are in `measured`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.rules.clock import EPOCH, microseconds
from tandem_memory.unfit import shown, unfit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vector: TypeAlias = npt.NDArray[np.float32]


class Verified(StrEnum):
    """How it is known that an answer is right; UNSAID where the record does not say, NONE where it says that it is not known."""

    UNSAID = "unsaid"
    NONE = "none"
    LABEL = "label"
    AGREEMENT = "agreement"
    JUDGE = "judge"

    @classmethod
    def of(cls, number: int) -> "Verified":
        """What the wire's number means; one that is newer than this program says nothing to it."""
        return _VERIFIED.get(number, cls.UNSAID)

    @property
    def number(self) -> "wire.Verified.ValueType":
        """The wire's number for it."""
        return _NUMBERS[self]


_NUMBERS = {
    Verified.UNSAID: wire.VERIFIED_UNSPECIFIED,
    Verified.NONE: wire.VERIFIED_NONE,
    Verified.LABEL: wire.VERIFIED_LABEL,
    Verified.AGREEMENT: wire.VERIFIED_AGREEMENT,
    Verified.JUDGE: wire.VERIFIED_JUDGE,
}
_VERIFIED = {int(number): verified for verified, number in _NUMBERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What became of those who recalled a record.

    Attributes:
        times: How often somebody said so.
        gain: Sum of the gains that were told, each -1 to 1.
        by_source: Sources that recalled it, and how often.
    """

    times: int = 0
    gain: float = 0.0
    by_source: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def utility(self) -> float:
        """Mean gain, -1 to 1; 0 for a record that was never used."""
        return self.gain / self.times if self.times else 0.0


class _Unread:
    """What a record is read from, as far as it is read when it is asked for."""

    __slots__ = ("_unread",)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record(_Unread):
    """What was asked, what was answered, and how that went. What is None or empty was not measured or not said.

    Attributes:
        question: What was asked.
        answer: What was answered.
        strategy: Short items that say how the answer was come by, or what to beware of.
        source: Whose it is, such as a lane: "cloud", "local".
        at: When it was made, to the microsecond, with its time zone; None lets the service say when it took it in.
        metrics: Measured figures by name, finite; the names that mean something to Tandem are in `measured.METRICS`.
        score: What it is held to be worth, 0 to 1.
        agreement: Part of the experts that agreed with the answer, 0 to 1.
        verified: How it is known that the answer is right.
        cost_usd: What it cost to come by, US dollars.
        model: The model that answered.
        tags: Labels to filter by.
        source_hash: Digest of the question, for searches that must not find the question that they are about.
        vector: Embedding of the question, shape (dimension,), float32; None lets the service embed it.
        key: The writer's own name for it, at most 128 bytes: appended again under the same key, nothing happens.
        id: Given by the service.
        appended_at: When the service took it in.
        use: What is known of its use; None when the service did not say.
    """

    question: str
    answer: str = ""
    strategy: Sequence[str] = ()
    source: str = ""
    at: datetime | None = None
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    score: float | None = None
    agreement: float | None = None
    verified: Verified = Verified.UNSAID
    cost_usd: Decimal | None = None
    model: str = ""
    tags: Sequence[str] = ()
    source_hash: str = ""
    vector: "Vector | None" = None
    key: str = ""
    id: str = ""
    appended_at: datetime | None = None
    use: Use | None = None

    def __eq__(self, other: object) -> bool:
        """Equal when every field is; vectors bit for bit."""
        if not isinstance(other, Record):
            return NotImplemented
        return all(_comparable(getattr(self, each.name)) == _comparable(getattr(other, each.name)) for each in fields(self))

    def __hash__(self) -> int:
        return hash((self.id, self.key, self.question))

    @classmethod
    def of(cls, message: wire.Record) -> "Record":
        """The record that the wire's message holds."""
        record = _begun(message)
        for name, read in _LATER.items():
            setattr(record, name, read(message))
        record._unread = None  # noqa: SLF001 - its own class
        record.__class__ = cls
        return cast("Record", record)

    @classmethod
    def within(cls, message: wire.Record) -> "Record":
        """The same in a quarter of the time: times, figures and whatever else has to be converted is, once it is asked for.

        Until all records of the wire's answer are forgotten, that stays in memory as a whole.
        """
        record = _begun(message)
        record.__class__ = cls
        return cast("Record", record)

    if not TYPE_CHECKING:  # who checks types knows the fields, and is to know no others

        def __getattr__(self, name: str) -> object:
            """A field that nobody has asked for yet."""
            if name not in _LATER:
                msg = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise AttributeError(msg, name=name, obj=self)
            value = _LATER[name](self._unread)
            object.__setattr__(self, name, value)
            return value

    def message(self) -> wire.Record:
        """The wire's message that holds this record.

        Raises:
            ValueError: for what is not of its field's kind, a time without a time zone, a vector that is none, one text in place of
                several, or one that is no UTF-8.
        """
        try:
            return self._message()
        except (TypeError, ValueError, AttributeError) as error:
            said = unfit({each.name: getattr(self, each.name) for each in fields(self)})
            raise (ValueError(said) if said else error) from None

    def _message(self) -> wire.Record:
        return wire.Record(
            id=self.id,
            key=self.key,
            question=self.question,
            answer=self.answer,
            strategy=texts("strategy", self.strategy),
            source=self.source,
            at=stamp("at", self.at),
            metrics=self.metrics,
            score=self.score,
            agreement=self.agreement,
            verified=self.verified.number,
            cost_usd="" if self.cost_usd is None else f"{self.cost_usd:f}",
            model=self.model,
            tags=texts("tags", self.tags),
            source_hash=self.source_hash,
            vector=b"" if self.vector is None else packed("vector", self.vector),
            appended_at=stamp("appended_at", self.appended_at),
            use=None if self.use is None else wire.Use(times=self.use.times, gain=self.use.gain, by_source=self.use.by_source),
        )


# A record that is still open: the same places under the same names, so that giving it the class makes it one. Where values are frozen,
# setting each takes a call, which is half the time that a record takes.
_Open: Any = type("_Open", (_Unread,), {"__slots__": tuple(each.name for each in fields(Record))})


def _begun(message: wire.Record) -> Any:  # noqa: ANN401 - it is becoming a record
    """An open record with all fields that are as they are on the wire."""
    record = _Open()
    record._unread = message  # noqa: SLF001 - as above
    record.question, record.answer, record.source, record.model = message.question, message.answer, message.source, message.model
    record.key, record.id, record.source_hash = message.key, message.id, message.source_hash
    strategy, tags = message.strategy, message.tags
    record.strategy, record.tags = tuple(strategy) if strategy else (), tuple(tags) if tags else ()
    return record


# How the other fields are read. What is empty is not converted: a page of an export has a thousand of these.
_LATER: Mapping[str, Callable[[wire.Record], object]] = {
    "at": lambda message: moment(message.at) if message.HasField("at") else None,
    "metrics": lambda message: dict(each) if (each := message.metrics) else {},
    "score": lambda message: message.score if message.HasField("score") else None,
    "agreement": lambda message: message.agreement if message.HasField("agreement") else None,
    "verified": lambda message: _VERIFIED.get(message.verified, Verified.UNSAID),
    "cost_usd": lambda message: Decimal(each) if (each := message.cost_usd) else None,
    "vector": lambda message: floats(each) if (each := message.vector) else None,
    "appended_at": lambda message: moment(message.appended_at) if message.HasField("appended_at") else None,
    "use": lambda message: _use_of(message.use) if message.HasField("use") else None,
}


def moment(at: Timestamp) -> datetime:
    """A moment of the wire, to the microsecond."""
    return EPOCH + timedelta(0, at.seconds, at.nanos // 1000)  # days, seconds, microseconds: by name it takes half as long again


def stamp(name: str, at: datetime | None) -> Timestamp | None:
    """A moment as the wire has it; None stays None.

    Raises:
        ValueError: when it has no time zone, so that nobody knows when it was.
    """
    if at is None:
        return None
    if at.tzinfo is None:
        msg = f"{name}: {at.isoformat()} has no time zone; give one, such as tzinfo=UTC"
        raise ValueError(msg)
    seconds, rest = divmod(microseconds(at), 1_000_000)
    return Timestamp(seconds=seconds, nanos=rest * 1000)


def texts(name: str, given: Sequence[str]) -> Sequence[str]:
    """The same: a text is a sequence of texts to Python and its type checkers, one for each letter, and never meant so.

    Raises:
        ValueError: when it is one text.
    """
    if not isinstance(given, str):
        return given
    msg = f"{name}: {given!r} is one text; give a list of them, such as [{given!r}]"
    raise ValueError(msg)


def floats(packed_vector: bytes) -> "Vector":
    """The vector that the wire's bytes hold, shape (dimension,); it cannot be written to."""
    import numpy as np

    return np.frombuffer(packed_vector, dtype="<f4")


def packed(name: str, vector: object) -> bytes:
    """A vector as the wire has it: little-endian float32.

    Raises:
        ValueError: when it is not one row of numbers.
    """
    import numpy as np

    try:
        row = np.asarray(vector, dtype="<f4")
    except (TypeError, ValueError):
        msg = f"{name}: {shown(vector)} is no row of numbers; give one, shape (dimension,)"
        raise ValueError(msg) from None
    if row.ndim != 1 or not row.size:
        msg = f"{name}: has shape {row.shape}; give one row of numbers, shape (dimension,)"
        raise ValueError(msg)
    return row.tobytes()


def _use_of(use: wire.Use) -> Use:
    return Use(times=use.times, gain=use.gain, by_source=dict(use.by_source))


def _comparable(value: object) -> object:
    """A value that == compares as a whole: an array by its bytes, a sequence of text whatever it is kept in."""
    if hasattr(value, "tobytes"):
        return packed("vector", value)
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value
