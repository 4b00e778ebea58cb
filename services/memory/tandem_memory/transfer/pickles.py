"""Reads a pickle that may come from anybody: plain lists, tuples, dicts, text, numbers, True, False and None, and nothing else.

A pickle is a program; what makes it dangerous are the operations that name something to import and call. Every operation is looked at
before any is carried out, and those that build no plain value are refused, whatever they would do. What is left can neither call nor
import, and what it may use up is bounded by its size, its number of values and the size of its memo.
"""

import io
import pickle
import pickletools
from dataclasses import dataclass
from typing import NoReturn

from tandem_memory.transfer.lines import MistakeError

_CONSTANTS = {"NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_TEXTS = {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_CONTAINERS = {"EMPTY_LIST", "LIST", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT"}
_FILLING = {"APPEND", "APPENDS", "SETITEM", "SETITEMS"}
_ORDER = {"PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP"}
_RECALLING = {"GET", "BINGET", "LONG_BINGET"}
_REMEMBERING = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}
_PLAIN = _CONSTANTS | _TEXTS | _CONTAINERS | _FILLING | _ORDER | _RECALLING | _REMEMBERING
_VALUES = _CONSTANTS | _TEXTS | _CONTAINERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a pickle may be.

    Attributes:
        bytes: Of the file.
        values: Texts, numbers and containers; an empty list is one byte of a pickle and 56 of memory.
    """

    bytes: int = 1024**3
    values: int = 20_000_000  # a million of the seed's experiences; at most 1.5 GB beside the text itself


_LIMITS = Limits()


def plain(data: bytes, limits: Limits = _LIMITS) -> object:
    """The value that a pickle of plain values holds.

    Raises:
        MistakeError: when it holds anything else, is damaged, or larger than the limits; one line that names the operation.
    """
    if len(data) > limits.bytes:
        msg = f"the pickle has {len(data)} bytes; at most {limits.bytes} are read"
        raise MistakeError(msg)
    try:
        _look(data, limits)
        return _Plain(io.BytesIO(data)).load()
    except MistakeError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged pickle may fail in any way, and none of them is ours
        msg = f"the pickle is damaged ({type(error).__name__}: {error})"
        raise MistakeError(msg) from None


def _look(data: bytes, limits: Limits) -> None:
    """Pass if every operation builds a plain value, and all of them stay within the limits."""
    values = remembered = 0
    latest: list[object] = []  # texts that were pushed last: what STACK_GLOBAL would take its name from
    for operation, argument, at in pickletools.genops(data):
        name = operation.name
        if name not in _PLAIN:
            _refuse(name, argument, at, latest)
        values += name in _VALUES
        if name in _TEXTS:
            latest = [*latest[-1:], argument]
        if name in _REMEMBERING:
            remembered += 1
            _check_memo(argument, remembered, at)
        if values > limits.values:
            msg = f"the pickle holds more than {limits.values} values"
            raise MistakeError(msg)


def _check_memo(place: object, remembered: int, at: int | None) -> None:
    """Refuse a place in the memo far beyond those in use: the memo is an array, which would be made as long as that."""
    if isinstance(place, int) and place > 2 * remembered:  # picklers count up by one; those that also drop places leave gaps
        msg = f"the pickle asks at byte {at} for {place} places of memory"
        raise MistakeError(msg)


def _refuse(name: str, argument: object, at: int | None, latest: list[object]) -> NoReturn:
    named = argument if isinstance(argument, str) else ""
    if name == "STACK_GLOBAL":
        named = " ".join(str(each) for each in latest)
    what = f"{name} {named}".strip().replace("\n", " ")[:120]
    fix = "only lists, dicts, text and numbers are read; save it again with float(...), str(...) or .tolist() of the rest"
    msg = f"the pickle holds more than plain values: {what} at byte {at}; {fix}"
    raise MistakeError(msg)


class _Plain(pickle.Unpickler):
    """Refuses once more, should an operation that names something ever get past the look at them."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        """Nothing may be named."""
        _refuse("GLOBAL", f"{module_name} {global_name}", 0, [])

    def persistent_load(self, pid: object, /) -> NoReturn:
        """Nothing may be fetched."""
        _refuse("PERSID", str(pid), 0, [])
