"""The part of CEL that our rules use, evaluated in Python: enough to ask them without an API server.

Grammar and macros: https://github.com/google/cel-spec/blob/master/doc/langdef.md. An error while evaluating is a broken
rule, as it is for the API server.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Scope = Mapping[str, Any]
Evaluated = Callable[[Scope], Any]

_TOKEN = re.compile(r"\s*(?:(\d+)|'([^']*)'|(&&|\|\||==|!=|<=|>=|[A-Za-z_]\w*|[-+*/%<>!?:.,()\[\]]))")
_BINARY = (
    {"||": lambda left, right: left or right},
    {"&&": lambda left, right: left and right},
    {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.floordiv, "%": operator.mod},
)
_MACROS: Mapping[str, Callable[[list[bool], list[Any]], Any]] = {
    "all": lambda held, _: all(held),
    "exists": lambda held, _: any(held),
    "filter": lambda held, entries: [entry for entry, kept in zip(entries, held, strict=True) if kept],
}


def kept(rule: str, **scope: Any) -> bool:
    """Whether a rule holds for `self` and `oldSelf`."""
    try:
        return _Parser(rule).whole()(scope) is True
    except (KeyError, TypeError, ZeroDivisionError):
        return False


class _Parser:
    def __init__(self, rule: str) -> None:
        self.tokens = [(int(number) if number else text, not word) for number, text, word in _words(rule)]
        self.words = [word for _, _, word in _words(rule)]
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
        while self.taken("."):
            name = self.words[self.at]
            self.at += 1
            found = self.call(found, name) if self.taken("(") else _selected(found, name)
        return found

    def call(self, target: Evaluated, name: str) -> Evaluated:
        if name in _MACROS:
            variable = self.words[self.at]
            self.at += 1
            self.need(",")
            body = self.choice()
            self.need(")")
            return lambda scope: _MACROS[name]([body({**scope, variable: entry}) for entry in target(scope)], target(scope))
        if name == "size":
            self.need(")")
            return lambda scope: len(target(scope))
        if name == "startsWith":
            start = self.choice()
            self.need(")")
            return lambda scope: target(scope).startswith(start(scope))
        assert name == "matches", name
        pattern = self.choice()
        self.need(")")
        return lambda scope: re.search(pattern(scope).replace("$", r"\Z"), target(scope)) is not None

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
            entries = [self.choice()]
            while self.taken(","):
                entries.append(self.choice())
            self.need("]")
            return lambda scope: [entry(scope) for entry in entries]
        name = self.words[self.at]
        self.at += 1
        if name == "has":
            return self.presence()
        return lambda scope: scope[name]

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


def _words(rule: str) -> list[tuple[str, str, str]]:
    found, at = [], 0
    while at < len(rule.rstrip()):
        match = _TOKEN.match(rule, at)
        assert match, f"not understood: {rule[at:]}"
        found.append(match.groups())
        at = match.end()
    return found
