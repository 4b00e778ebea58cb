"""The part of CEL that our rules use, evaluated in Python: enough to ask them without an API server.

Grammar and macros: https://github.com/google/cel-spec/blob/master/doc/langdef.md. An error while evaluating is a broken
rule, as it is for the API server.
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.operator.api.quantities import is_quantity, quantity


class CelError(Exception):
    """An expression that has no value, such as a division by zero."""


Scope = Mapping[str, Any]
Evaluated = Callable[[Scope], Any]

_TOKEN = re.compile(
    r"""\s*(?:(\d+)|'([^']*)'|("(?:[^"\\\\]|\\\\.)*")|(&&|\|\||==|!=|<=|>=|[A-Za-z_]\w*|[-+*/%<>!?:.,()\[\]]))""".replace(
        "\\\\\\\\", "\\\\"
    )
)
_INT64 = range(-(2**63), 2**63)


def _whole(reckon: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Arithmetic of whole numbers in 64 bits; of texts, `+` puts one behind the other."""

    def reckoned(left: Any, right: Any) -> Any:
        found = reckon(left, right)
        if isinstance(found, int) and found not in _INT64:
            msg = "integer overflow"
            raise OverflowError(msg)
        return found

    return reckoned


_BINARY = (
    {"||": lambda left, right: left or right},
    {"&&": lambda left, right: left and right},
    {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge},
    {"+": _whole(operator.add), "-": _whole(operator.sub)},
    {"*": _whole(operator.mul), "/": _whole(operator.floordiv), "%": operator.mod},
)
_MACROS: Mapping[str, Callable[[list[Any], list[Any]], Any]] = {
    "all": lambda held, _: all(held),
    "exists": lambda held, _: any(held),
    "filter": lambda held, entries: [entry for entry, kept in zip(entries, held, strict=True) if kept],
    "map": lambda made, _: made,
}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "startsWith": lambda text, start: text.startswith(start),
    "contains": lambda text, part: part in text,
    "substring": lambda text, start, end: text[start:end],
    "matches": lambda text, pattern: re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None,
    "format": lambda form, values: form % tuple(values),
    "isLessThan": operator.lt,
    "isGreaterThan": operator.gt,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "string": str,
    "type": type,
    "quantity": quantity,
    "isQuantity": lambda text: isinstance(text, str) and is_quantity(text),
}


def kept(rule: str, **scope: Any) -> bool:
    """Whether a rule holds for `self` and `oldSelf`.

    Raises:
        CelError: when it cannot be told.
    """
    return evaluated(rule, **scope) is True


def evaluated(expression: str, **scope: Any) -> Any:
    """The value of an expression.

    Raises:
        CelError: when it has none.
    """
    try:
        return _parsed(expression)(scope)
    except (KeyError, IndexError, TypeError, ArithmeticError) as error:
        raise CelError(str(error)) from error


@cache
def _parsed(expression: str) -> Evaluated:
    return _Parser(expression).whole()


class _Parser:
    def __init__(self, rule: str) -> None:
        found = _words(rule)
        self.tokens = [
            (int(number) if number else json.loads(escaped) if escaped else text, not word) for number, text, escaped, word in found
        ]
        self.words = [word for *_, word in found]
        self.at = 0

    def whole(self) -> Evaluated:
        found = self.choice()
        assert self.at == len(self.tokens), f"not understood: {self.words[self.at :]}"
        return found

    def taken(self, *words: str) -> str | None:
        if self.at < len(self.words) and self.words[self.at] and self.words[self.at] in words:
            self.at += 1
            return self.words[self.at - 1]
        return None

    def need(self, word: str) -> None:
        assert self.taken(word), f"{word} is missing before {self.words[self.at :]}"

    def choice(self) -> Evaluated:
        asked = self.binary(0)
        if not self.taken("?"):
            return asked
        yes = self.choice()
        self.need(":")
        no = self.choice()
        return lambda scope: yes(scope) if asked(scope) else no(scope)

    def binary(self, level: int) -> Evaluated:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while word := self.taken(*_BINARY[level]):
            left = _combined(word, _BINARY[level][word], left, self.binary(level + 1))
        return left

    def unary(self) -> Evaluated:
        if self.taken("!"):
            inner = self.unary()
            return lambda scope: not inner(scope)
        return self.member()

    def member(self) -> Evaluated:
        found = self.primary()
        while word := self.taken(".", "["):
            if word == "[":
                found = _at(found, self.choice())
                self.need("]")
                continue
            name = self.words[self.at]
            self.at += 1
            found = self.call(found, name) if self.taken("(") else _selected(found, name)
        return found

    def call(self, target: Evaluated, name: str) -> Evaluated:
        if name in _MACROS:
            return self.macro(target, name)
        method, given = _METHODS[name], self.listed(")")
        return lambda scope: method(target(scope), *(each(scope) for each in given))

    def macro(self, target: Evaluated, name: str) -> Evaluated:
        """Over the entries of a list, or the keys of a mapping; `map` of three asks its second of each first."""
        variable = self.words[self.at]
        self.at += 1
        self.need(",")
        *asked, body = self.listed(")")

        def walked(scope: Scope) -> Any:
            entries = [entry for entry in target(scope) if all(each({**scope, variable: entry}) for each in asked)]
            return _MACROS[name]([body({**scope, variable: entry}) for entry in entries], entries)

        return walked

    def listed(self, end: str) -> list[Evaluated]:
        """Expressions up to a bracket."""
        found: list[Evaluated] = []
        while not self.taken(end):
            found.append(self.choice())
            self.taken(",")
        return found

    def primary(self) -> Evaluated:
        value, literal = self.tokens[self.at]
        if literal:
            self.at += 1
            return lambda _: value
        if self.taken("("):
            inner = self.choice()
            self.need(")")
            return inner
        if self.taken("["):
            entries = self.listed("]")
            return lambda scope: [entry(scope) for entry in entries]
        name = self.words[self.at]
        self.at += 1
        if name == "has":
            return self.presence()
        if name in _FUNCTIONS and self.taken("("):
            function, given = _FUNCTIONS[name], self.listed(")")
            return lambda scope: function(*(each(scope) for each in given))
        return lambda scope: int if name == "int" else scope[name]

    def presence(self) -> Evaluated:
        self.need("(")
        asked = self.member()
        self.need(")")

        def present(scope: Scope) -> bool:
            try:
                asked(scope)
            except KeyError:
                return False
            return True

        return present


def _combined(word: str, combine: Callable[[Any, Any], Any], left: Evaluated, right: Evaluated) -> Evaluated:
    if word == "||":
        return lambda scope: left(scope) or right(scope)
    if word == "&&":
        return lambda scope: left(scope) and right(scope)
    return lambda scope: combine(left(scope), right(scope))


def _selected(target: Evaluated, name: str) -> Evaluated:
    return lambda scope: target(scope)[name]


def _at(target: Evaluated, index: Evaluated) -> Evaluated:
    return lambda scope: target(scope)[index(scope)]


def _words(rule: str) -> list[tuple[str, str, str, str]]:
    found, at = [], 0
    while at < len(rule.rstrip()):
        match = _TOKEN.match(rule, at)
        assert match, f"not understood: {rule[at:]}"
        found.append(match.groups())
        at = match.end()
    return found
