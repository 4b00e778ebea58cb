"""How a single text must look, and what to write instead of one that does not: said in the same words here and by the API server.

A shape is put beside the type, `Annotated[str, Shape(...)]`. Here it raises its sentence; the API server is given the same as a rule in
CEL whose message holds the value and the sentence (https://kubernetes.io/docs/reference/using-api/cel/). A bare `pattern` would show
people a regular expression instead.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from .credentials import IN_ADDRESS, TAKE_OUT

VALIDATIONS: Final = "x-kubernetes-validations"
_VALUE: Final = '"%s" '
LONGEST_SHOWN: Final = 60
"""Characters of a value that are shown in a sentence about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a text must match as a whole.

    Attributes:
        pattern: What the whole text is, in what `re` and RE2 share; None for any text.
        instead: The sentence about one that is not, to be read after the value.
        most: Most characters.
        least: Fewest characters.
        open: Whether the value may be shown; it may not where people could have pasted a secret.
        bare: Whether a user name, password or key in it is refused, as in an address.
    """

    most: int
    pattern: str | None = None
    instead: str = ""
    least: int = 0
    open: bool = True
    bare: bool = False

    def checked(self, text: str) -> str:
        """The text itself.

        Raises:
            ValueError: with the sentence about the first thing that is wrong with it.
        """
        if self.bare and re.search(IN_ADDRESS, text):
            raise ValueError(TAKE_OUT)
        if self.pattern is not None and not re.fullmatch(self.pattern, text):
            raise ValueError(self.instead)
        return text

    @property
    def rules(self) -> list[dict[str, str]]:
        """The same for the API server; of two only the first speaks."""
        holds_secret = f"self.matches({quoted(IN_ADDRESS)})"
        rules = [{"rule": f"!{holds_secret}", "message": TAKE_OUT}] if self.bare else []
        if self.pattern is None:
            return rules
        value = {"messageExpression": f"{quoted(_VALUE + self.instead)}.format([{_SHOWN}])"} if self.open else {}
        matches = f"self.matches({quoted(f'^({self.pattern})$')})"
        return [*rules, {"rule": f"{holds_secret} || {matches}" if self.bare else matches, "message": self.instead, **value}]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's
        """Limits of length come first, and then what the text is."""
        limited = {**handler(source), "max_length": self.most, **({"min_length": self.least} if self.least else {})}
        return core_schema.no_info_after_validator_function(self.checked, limited)  # pyright: ignore[reportArgumentType]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Editors know patterns; the API server is given rules in their place."""
        pattern = {"pattern": f"^({self.pattern})$"} if self.pattern is not None else {}
        return {**handler(core), **pattern, VALIDATIONS: self.rules}


def quoted(text: str) -> str:
    """A text as CEL writes it."""
    return json.dumps(text, ensure_ascii=False)


def shown(cel: str) -> str:
    """CEL for a text as sentences show it: not more than its beginning."""
    return f"(size({cel}) > {LONGEST_SHOWN} ? {cel}.substring(0, {LONGEST_SHOWN}) + '…' : {cel})"


_SHOWN: Final = shown("self")
