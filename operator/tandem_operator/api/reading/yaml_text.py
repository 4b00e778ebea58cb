"""A text as one YAML document. Scalars are read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

So `1e-4` is a number. Plain words that kubectl, which reads YAML 1.1, would take for something else (`yes`, `on`, `010`)
are refused: a run file means the same wherever it is given.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from tandem_operator.api.rule import REFUSED

from .document import Document, Path

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
_NO_TAGS: Final[Mapping[str, object]] = {
    "yaml_implicit_resolvers": {},
    **dict.fromkeys(("DEFAULT_SCALAR_TAG", "DEFAULT_SEQUENCE_TAG", "DEFAULT_MAPPING_TAG"), ""),
}
_Loader: Any = type("_Loader", (yaml.SafeLoader,), dict(_NO_TAGS))
"""A parser that decides nothing: a node has a tag only where the text has one."""


class _UnreadableError(Exception):
    """The text as a whole cannot be read; the message says why and what to do."""


def read(text: str | bytes) -> Document:
    """The one document in `text`; never raises."""
    document = Document()
    try:
        nodes = _nodes(text)
        if nodes:
            document.value = _Unfolding(document).value(nodes[0], ())
        else:
            document.problems.append(((), "the file is empty: start it with apiVersion: tandem.dev/v1alpha1"))
        if len(nodes) > 1:
            document.problems.append(((), f"line {_line(nodes[1])}: a second document starts here: keep one run in a file"))
    except _UnreadableError as error:
        document.problems.append(((), str(error)))
    return document


def plain(text: str) -> object:
    """What an unquoted word means: null, a truth value, a number, or the word itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if _BASED.fullmatch(text):
        return int(text, 0)
    return float(text.replace("_", "")) if _NUMBER.fullmatch(text) else text


def _nodes(text: str | bytes) -> list[yaml.Node]:
    if len(text) > _MOST_BYTES:
        message = "the file is larger than 1 MiB: a run file holds settings, and data stays where it is"
        raise _UnreadableError(message)
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        return [node for node in yaml.compose_all(decoded, Loader=_Loader) if not _empty(node)]
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} is no UTF-8: save the file as UTF-8 text"
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        message = f"{where}: not YAML: {error.problem or error.context}: correct the text there"
    except yaml.YAMLError as error:
        message = f"the file is not YAML: {' '.join(str(error).split())}"
    except RecursionError:
        message = _TOO_DEEP
    raise _UnreadableError(message)


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.value and node.style is None


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


class _Unfolding:
    """Nodes to plain values. It counts them, because aliases can make a small text unfold without end."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.values = 0

    def value(self, node: yaml.Node, path: Path) -> object:
        """The plain value of a node."""
        self.values += 1
        self.document.lines.setdefault(path, _line(node))
        if self.values > _MOST_VALUES:
            message = f"the file unfolds to more than {_MOST_VALUES} values: write it without aliases"
            raise _UnreadableError(message)
        if len(path) > _DEEPEST:
            raise _UnreadableError(_TOO_DEEP)
        if node.tag:
            self.document.say(path, f"{node.tag} is a YAML tag: leave it out (line {_line(node)})")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(entry, (*path, index)) for index, entry in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode), node
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        """A mapping by its names, each of them once."""
        mapping: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.document.say(path, f"a key is no text: write `name: value` (line {_line(key)})")
                continue
            here = (*path, key.value)
            if key.value in mapping:
                first, second = self.document.lines[here], _line(key)
                where = f"lines {first} and {second}" if first != second else f"the two on line {first}"
                self.document.say(here, f"is written twice: keep one of {where}")
                continue
            self.document.lines[here] = _line(key)
            mapping[key.value] = self.value(value, here)
        return mapping

    def scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        """A single value; quoted text is text."""
        text: str = node.value
        if node.style is not None:
            return text
        if _AMBIGUOUS.fullmatch(text):
            meant = "true" if text.lower() in {"y", "yes", "on"} else "false"
            fix = f'write {meant} or "{text}" (line {_line(node)})'
            self.document.say(path, f"{text} is {meant} to some readers and a word to others: {fix}")
            return REFUSED
        if _OCTAL.fullmatch(text):
            self.document.say(path, f'{text} is octal to some readers: write it without the leading 0, or "{text}" (line {_line(node)})')
            return REFUSED
        return plain(text)
