"""Which field of a record the wire cannot carry, and what to give instead: asked only once it is known that there is one."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from numbers import Real
from typing import cast

_SHOWN = 60  # characters of a wrong value that are repeated
_MOST = 1 << 64  # of a count
_HALF = "holds half a surrogate pair, which no UTF-8 has; decode what it was made of with errors='replace'"


def unfit(fields: Mapping[str, object]) -> str | None:
    """The first field that cannot be carried, in a line with its value and the fix; None when each is of its kind."""
    for name, value in fields.items():
        fits, fix = _KINDS.get(name, (_anything, ""))
        if not fits(value):
            return f"{name}: {shown(value)} {fix}"
        if any(text.encode(errors="replace").decode() != text for text in _texts_in(value)):
            return f"{name}: {_HALF}"
    return None


def shown(value: object) -> str:
    """A wrong value as lines have it."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _texts_in(value: object) -> Sequence[str]:
    several = cast("Iterable[object]", value) if isinstance(value, list | tuple | Mapping) else (value,)
    return [each for each in several if isinstance(each, str)]


def _anything(_: object) -> bool:
    return True


def _named(value: object) -> Mapping[object, object]:
    """What is there by names; for what has none, a name and a value that fit nothing."""
    return cast("Mapping[object, object]", value) if isinstance(value, Mapping) else {None: None}


def _text(value: object) -> bool:
    return isinstance(value, str)


def _several(value: object) -> bool:
    """One text is left to who says that of it."""
    return isinstance(value, str) or (isinstance(value, Iterable) and all(map(_text, cast("Iterable[object]", value))))


def _number(value: object) -> bool:
    return value is None or isinstance(value, Real)


def _figures(value: object) -> bool:
    return all(isinstance(name, str) and isinstance(figure, Real) for name, figure in _named(value).items())


def _moment(value: object) -> bool:
    return value is None or isinstance(value, datetime)


def _money(value: object) -> bool:
    return value is None or isinstance(value, Decimal | Real)


def _proof(value: object) -> bool:
    return hasattr(value, "number")


def _use(value: object) -> bool:
    times, gain, by_source = (getattr(value, name, None) for name in ("times", "gain", "by_source"))
    told = _named(by_source)
    counts = all(isinstance(each, int) and 0 <= each < _MOST for each in (times, *told.values()))
    return value is None or (counts and isinstance(gain, Real) and all(map(_text, told)))


_TEXT = (_text, 'is no text; give one, such as "What is time?"')
_SEVERAL = (_several, 'is no list of texts; give one, such as ["proof"]')
_NUMBER = (_number, "is no number; give one, or None when it was not measured")
_MOMENT = (_moment, "is no time; give a datetime with its time zone")
_KINDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    **dict.fromkeys(("question", "answer", "source", "model", "source_hash", "key", "id"), _TEXT),
    **dict.fromkeys(("strategy", "tags"), _SEVERAL),
    **dict.fromkeys(("score", "agreement"), _NUMBER),
    **dict.fromkeys(("at", "appended_at"), _MOMENT),
    "metrics": (_figures, "are not numbers by their names; leave out what was not measured"),
    "cost_usd": (_money, 'is no amount of dollars; give a Decimal, such as Decimal("0.02")'),
    "verified": (_proof, "is no kind of proof; give a Verified, such as Verified.LABEL"),
    "use": (_use, "is no use; give a Use with counts of 0 and more by names of sources, and a gain"),
}
