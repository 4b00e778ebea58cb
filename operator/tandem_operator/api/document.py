"""A text as one YAML document: its value, the line of each field, and what is wrong with the text itself.

Scalars are read by the core schema of YAML 1.2, so that `1e-4` is a number. Plain words that kubectl, which reads
YAML 1.1, would take for something else (`yes`, `on`, `010`) are refused: a run file means the same wherever it is given.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final

from .rule import REFUSED

if TYPE_CHECKING:
    from yaml import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
"""Keys and list indexes that lead from the document to one of its values."""

_MOST_BYTES: Final = 1 << 20
_MOST_VALUES: Final = 100_000
_DEEPEST: Final = 64
_TOO_DEEP: Final = f"the file is nested deeper than {_DEEPEST} levels: a run needs fewer than ten"
_AMBIGUOUS: Final = re.compile(r"y|n|yes|no|on|off", re.IGNORECASE)
_OCTAL: Final = re.compile(r"[-+]?0[0-9_]+")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WHOLE: Final = re.compile(r"[-+]?[0-9][0-9_]{0,40}")
_BASED: Final = re.compile(r"0(o[0-7]{1,20}|x[0-9a-fA-F]{1,16})")
_WORDS: Final[Mapping[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(slots=True)
class Document:
    """What a text holds: None when nothing could be read, with REFUSED wherever a single value could not."""

    value: object = None
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    problems: list[tuple[Path, str]] = field(default_factory=list[tuple["Path", str]])
    values: int = 0


class _UnreadableError(Exception):
    """The text as a whole cannot be read; the message says why and what to do."""


def read(text: str | bytes) -> Document:
    """The one document in `text`; never raises."""
    document = Document()
    try:
        nodes = _nodes(text)
        if nodes:
            document.value = _value(nodes[0], (), document)
        else:
            document.problems.append(((), "the file is empty: start it with apiVersion: tandem.dev/v1alpha1"))
        if len(nodes) > 1:
            document.problems.append(((), f"line {_line(nodes[1])}: a second document starts here: keep one run in a file"))
    except _UnreadableError as error:
        document.problems.append(((), str(error)))
    return document


def path_text(path: Path) -> str:
    """`spec.phases[1].learningRate`; a key that is no plain name stands in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][\w-]*", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part[:60]}"]'
    return text or "the run"


@cache
def _loader() -> type:
    """A YAML parser that decides nothing: a tag is there only where the text has one. PyYAML is imported when first needed."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: Mapping[str, object] = {}
        DEFAULT_SCALAR_TAG = DEFAULT_SEQUENCE_TAG = DEFAULT_MAPPING_TAG = ""

    return Loader


def _nodes(text: str | bytes) -> "list[Node]":
    import yaml

    if len(text) > _MOST_BYTES:
        raise _UnreadableError("the file is larger than 1 MiB: a run file holds settings, and data stays where it is")
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        return [node for node in yaml.compose_all(decoded, Loader=_loader()) if not _empty(node)]
    except UnicodeDecodeError as error:
        raise _UnreadableError(f"byte {error.start + 1} is no UTF-8: save the file as UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        raise _UnreadableError(f"{where}: not YAML: {error.problem or error.context}: correct the text there") from None
    except yaml.YAMLError as error:
        raise _UnreadableError(f"the file is not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise _UnreadableError(_TOO_DEEP) from None


def _empty(node: "Node | None") -> bool:
    return node is None or (node.id == "scalar" and not node.value and node.style is None)


def _line(node: "Node") -> int:
    return node.start_mark.line + 1


def _value(node: "Node", path: Path, document: Document) -> object:
    """The plain value of a node; counts values, because aliases can make a small text unfold without end."""
    document.values += 1
    document.lines.setdefault(path, _line(node))
    if document.values > _MOST_VALUES:
        raise _UnreadableError(f"the file unfolds to more than {_MOST_VALUES} values: write it without aliases")
    if len(path) > _DEEPEST:
        raise _UnreadableError(_TOO_DEEP)
    if node.tag:
        _say(document, path, f"{node.tag} is a YAML tag: leave it out (line {_line(node)})")
    if node.id == "mapping":
        return _mapping(node, path, document)
    if node.id == "sequence":
        return _sequence(node, path, document)
    return _scalar(node, path, document)


def _sequence(node: "SequenceNode", path: Path, document: Document) -> list[object]:
    return [_value(entry, (*path, index), document) for index, entry in enumerate(node.value)]


def _mapping(node: "MappingNode", path: Path, document: Document) -> dict[str, object]:
    mapping: dict[str, object] = {}
    for key_node, value_node in node.value:
        if key_node.id != "scalar":
            _say(document, path, f"a key is no text: write `name: value` (line {_line(key_node)})")
            continue
        here = (*path, key_node.value)
        if key_node.value in mapping:
            _say(document, here, f"is written twice: keep one of lines {document.lines[here]} and {_line(key_node)}")
            continue
        document.lines[here] = _line(key_node)
        mapping[key_node.value] = _value(value_node, here, document)
    return mapping


def _scalar(node: "ScalarNode", path: Path, document: Document) -> object:
    text: str = node.value
    if node.style is not None:
        return text
    if _AMBIGUOUS.fullmatch(text):
        meant = "true" if text.lower() in {"y", "yes", "on"} else "false"
        _say(document, path, f'{text} is {meant} to some readers and a word to others: write {meant} or "{text}" (line {_line(node)})')
        return REFUSED
    if _OCTAL.fullmatch(text):
        _say(document, path, f'{text} is octal to some readers: write it without the leading 0, or "{text}" (line {_line(node)})')
        return REFUSED
    return plain(text)


def _say(document: Document, path: Path, said: str) -> None:
    document.problems.append((path, f"{path_text(path)}: {said}"))


def plain(text: str) -> object:
    """What an unquoted word means: null, a truth value, a number, or the word itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text.replace("_", "")) if _NUMBER.fullmatch(text) else text
