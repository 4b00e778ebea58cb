"""What one line of a question set says. Pure: a line in, a question or a mistake out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tandem_reasoning.values import Question

MOST_BYTES = 1 << 20
"""Of a line: more than any model reads at once, and little enough to be held."""

_ID_CHARACTERS = 200  # it becomes part of keys and of lines in logs
_SHOWN = 40  # characters of a wrong value
_KIND_CHARACTERS = 63  # it becomes the label of a metric, as names in Kubernetes do


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Which field of a line holds what."""

    id: str = "id"
    question: str = "question"
    answer: str = "answer"
    kind: str = "kind"


USUAL = Fields()
"""The fields of a set that nothing is said about."""


class MistakeError(Exception):
    """A line cannot be used; the message says what is wrong, and what to do."""


def parsed(line: bytes, fields: Fields) -> Question:
    """The question in a line of JSON.

    Args:
        line: Without its end.
        fields: Which field holds what; `answer` and `kind` may be missing or null.

    Raises:
        MistakeError: When it holds none.
    """
    told = _object(line)
    answer = told.get(fields.answer)
    kind = told.get(fields.kind)
    return Question(
        id=_name(told, fields.id),
        text=_text(told, fields.question),
        answer=None if answer is None else _answer(answer, fields.answer),
        kind="" if kind is None else _kind(kind, fields.kind),
    )


def _object(line: bytes) -> Mapping[str, Any]:
    if len(line) > MOST_BYTES:
        msg = f"the line is longer than {MOST_BYTES:,} bytes; shorten the question, or break the line after each question"
        raise MistakeError(msg)
    try:
        told = json.loads(line.decode())
    except UnicodeDecodeError as error:
        msg = f"byte {error.start + 1} is no UTF-8; save the file as UTF-8"
        raise MistakeError(msg) from None
    except json.JSONDecodeError as error:
        msg = f"no JSON at column {error.colno} ({error.msg}); write one JSON object on each line"
        raise MistakeError(msg) from None
    except RecursionError:
        msg = "lists within lists without end; write one plain JSON object on each line"
        raise MistakeError(msg) from None
    except ValueError as error:  # a number of more digits than Python reads
        msg = f"no JSON that can be read ({str(error).split(';')[0]}); write long numbers as text"
        raise MistakeError(msg) from None
    if not isinstance(told, dict):
        msg = f"{_shown(told)} is no JSON object; write each question as {{...}}"
        raise MistakeError(msg)
    return cast("Mapping[str, Any]", told)


def _name(told: Mapping[str, Any], field: str) -> str:
    value = told.get(field)
    if value is None:
        msg = f'field "{field}" is missing; give each question a name, or set idField to the field that has it'
        raise MistakeError(msg)
    name = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(name, str) or not 1 <= len(name) <= _ID_CHARACTERS or not name.isprintable():
        msg = f'field "{field}": {_shown(value)} is no name; write 1 to {_ID_CHARACTERS} characters that can be printed, or a whole number'
        raise MistakeError(msg)
    return name


def _text(told: Mapping[str, Any], field: str) -> str:
    value = told.get(field)
    if value is None:
        msg = f'field "{field}" is missing; write what is asked, or set questionField to the field that has it'
        raise MistakeError(msg)
    if not isinstance(value, str) or not value.strip():
        msg = f'field "{field}": {_shown(value)} is no question; write a text'
        raise MistakeError(msg)
    return _whole(value, field)


def _answer(value: object, field: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        msg = f'field "{field}": {_shown(value)} is no answer; write a text or a number, or leave the field out'
        raise MistakeError(msg)
    return _whole(value, field) if isinstance(value, str) else str(value)


def _kind(value: object, field: str) -> str:
    if not isinstance(value, str) or len(value) > _KIND_CHARACTERS or not value.isprintable():
        msg = f'field "{field}": {_shown(value)} is no kind; write a word of at most {_KIND_CHARACTERS} characters, or leave the field out'
        raise MistakeError(msg)
    return value


def _whole(text: str, field: str) -> str:
    """The text, if it can be written again: JSON can spell half a character, which no UTF-8 can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = f'field "{field}" holds half a surrogate pair; write the character itself, not its escape'
        raise MistakeError(msg) from None
    return text


def _shown(value: object) -> str:
    """A value as JSON, cut so that the message stays a line."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
