"""Single values: names, numbers, times, vectors, money. A finding says what was given and what to give instead."""

import math
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Self, TypeVar

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Verified

from tandem_memory.acceptance import limits
from tandem_memory.rules.logged import FLOAT_BYTES
from tandem_memory.rules.uses import MOST_TIMES

_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9._/-]{0,198}[a-z0-9])?")
_MONEY = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")  # 36 digits, which `statistics` adds exactly
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799  # years 1 to 9999, as google.protobuf.Timestamp has them
_SECOND_NS = 1_000_000_000
_KINDS = frozenset(Verified.values())
_SHOWN = 80  # characters of a wrong value that are repeated to who sent it

_Message = TypeVar("_Message")


class UnacceptableError(ValueError):
    """A request that nothing can be done with; `field` is the path of the field at fault, the text says value and fix."""

    def __init__(self, *, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field, self.problem = field, problem

    def within(self, place: str) -> Self:
        """The same, of a message that lies at `place`; it may be the message as a whole that is at fault."""
        return type(self)(field=f"{place}.{self.field}" if self.field else place, problem=self.problem)


def check_each(field: str, messages: Iterable[_Message], check: Callable[[_Message], None]) -> None:
    """Every one of several. To name the fields of each before one is at fault would cost as much as to check it."""
    for at, message in enumerate(messages):
        try:
            check(message)
        except UnacceptableError as error:
            place = f"{field}[{at}]"
            raise error.within(place) from None


@lru_cache(maxsize=256)
def check_namespace(name: str) -> None:
    """Namespaces are names that are also fit for a path, a label and a pattern of rights."""
    if not name:
        raise UnacceptableError(field="namespace", problem="absent; say which namespace this is about")
    if not _NAMESPACE.fullmatch(name) or "//" in name or ".." in name:
        rule = "use lower-case letters, digits and single '.', '/', or '-', '_' in between, at most 200"
        raise UnacceptableError(field="namespace", problem=f"{name[:_SHOWN]!r} is no name; {rule}")


def check_count(field: str, count: int, most: int, what: str) -> None:
    """There is something, and not too much."""
    if not 1 <= count <= most:
        raise UnacceptableError(field=field, problem=f"{count} {what}; send 1 to {most} at once")


def check_text(field: str, text: str, *, most: int = limits.NAME_CHARACTERS) -> None:
    """A short text, or none."""
    if len(text) > most:
        raise UnacceptableError(field=field, problem=f"{len(text)} characters; use at most {most}")


def check_texts(field: str, texts: Collection[str], *, most: int = limits.NAME_CHARACTERS) -> None:
    """Not too many short texts, none of which is empty."""
    if len(texts) > limits.ITEMS:
        raise UnacceptableError(field=field, problem=f"{len(texts)} items; use at most {limits.ITEMS}")
    for at, text in enumerate(texts):
        if not text:
            raise UnacceptableError(field=f"{field}[{at}]", problem="empty; leave it out")
        check_text(f"{field}[{at}]", text, most=most)


def check_key(field: str, key: str) -> None:
    """A writer's own name for what it sends."""
    size = len(key.encode())
    if size > limits.KEY_BYTES:
        raise UnacceptableError(field=field, problem=f"{size} bytes; use at most {limits.KEY_BYTES}, for example a digest")


def check_finite(field: str, value: float) -> None:
    """A number that means something."""
    if not math.isfinite(value):
        raise UnacceptableError(field=field, problem=f"{value} is not a finite number; leave it out when it was not measured")


def check_within(field: str, value: float, low: float, high: float, *, fix: str = "leave it out when it was not measured") -> None:
    """A number of a range."""
    if not low <= value <= high:  # true for NaN, too
        raise UnacceptableError(field=field, problem=f"{value} is not within {low:g} to {high:g}; {fix}")


def check_order(low_field: str, low: float, high_field: str, high: float) -> None:
    """Two bounds with something between them."""
    if low > high:
        raise UnacceptableError(field=low_field, problem=f"{low:g} is more than {high_field} {high:g}; nothing lies between them")


def check_time(field: str, time: Timestamp) -> None:
    """A time that can be told as a date."""
    if not (_FIRST_S <= time.seconds <= _LAST_S and 0 <= time.nanos < _SECOND_NS):
        problem = f"{time.seconds} s and {time.nanos} ns; use years 1 to 9999 and 0 to 999999999 ns"
        raise UnacceptableError(field=field, problem=problem)


def check_times(field: str, times: int) -> None:
    """How often something happened, with room to count on: an index that cannot hold a number would hold up all that comes after."""
    if times > MOST_TIMES:
        raise UnacceptableError(field=field, problem=f"{times} is more than anybody has counted; use at most {MOST_TIMES}")


def check_money(field: str, amount: str) -> None:
    """Dollars as a decimal number, or nothing."""
    if amount and not _MONEY.fullmatch(amount):
        raise UnacceptableError(field=field, problem=f"{amount[:_SHOWN]!r} is no decimal number of dollars; write it like 0.0125")


def check_verified(field: str, kind: int) -> None:
    """A kind of proof that the wire has a name for."""
    if kind not in _KINDS:
        raise UnacceptableError(field=field, problem=f"{kind} is no kind of proof; use {', '.join(Verified.keys())}")


def all_vectors(vectors: Sequence[bytes]) -> bool:
    """Whether all pass `check_vector`, looked at together in a fifth of the time; not so where their lengths differ."""
    size = len(vectors[0])
    if size % FLOAT_BYTES or not 1 <= size // FLOAT_BYTES <= limits.DIMENSIONS or any(len(each) != size for each in vectors):
        return False
    floats = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("nd,nd->n", floats, floats)
        return bool(np.isfinite(squares).all() and squares.all())


def check_vector(field: str, vector: bytes) -> None:
    """Little-endian float32 with a direction. Whether it has the namespace's dimension is seen where that is known."""
    whole, rest = divmod(len(vector), FLOAT_BYTES)
    if rest:
        raise UnacceptableError(
            field=field, problem=f"{len(vector)} bytes are no whole number of float32; send {whole * 4} or {whole * 4 + 4}"
        )
    if not 1 <= whole <= limits.DIMENSIONS:
        raise UnacceptableError(field=field, problem=f"{whole} dimensions; use 1 to {limits.DIMENSIONS}")
    floats = np.frombuffer(vector, "<f4")
    square = float(np.vdot(floats, floats))  # not finite, without a warning, if any of them is not or their length is none of a float32
    if not math.isfinite(square):
        raise UnacceptableError(field=field, problem=_not_finite(floats))
    if not square:
        raise UnacceptableError(field=field, problem="without length, so it points nowhere; leave it out when there is none")


def _not_finite(floats: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> str:
    wrong = np.flatnonzero(~np.isfinite(floats))
    if len(wrong):
        return f"{floats[wrong[0]]} at {wrong[0]} is not a finite number; send none but finite ones"
    return "longer than a float32 can say; scale it to length 1"
