"""How a chat model writes down a conversation: its own chat template, and its own tokenizer for what comes of that.

What a server would send to the model, up to the place where the answer begins, and the answer are made into tokens apart: so the model
learns to go on from exactly what it is going to see. Templates are programs of whoever made the model: they are run in
jinja's sandbox, as transformers runs them (https://huggingface.co/docs/transformers/chat_templating), and they are told no date,
since the same conversation must always be the same tokens. Transformers itself would load torch, which an agent never does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import xxhash
from numpy.typing import NDArray

from tandem_trainer.data.conversations.rows import Message
from tandem_trainer.refusal import Refusal

TOKENIZER = "tokenizer.json"
_CONFIG = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A conversation in tokens. Those from number `answer` on are the answer, up to the token that ends it."""

    tokens: NDArray[np.uint32]
    answer: int


class Speech:
    """The tokenizer and the chat template in a model's folder."""

    def __init__(self, folder: Path) -> None:
        """Load them.

        Raises:
            Refusal: when one of them is not there or cannot be read.
        """
        self._folder = folder
        if not folder.is_dir():
            self._refuse("is no folder", "name the folder of a Hugging Face chat model")
        found = {name: _bytes(folder / name) for name in (TOKENIZER, _CONFIG, _TEMPLATE)}
        config = self._config(found[_CONFIG])
        self._names: Mapping[str, str] = {name: _text(config[name]) for name in _SPECIAL if config.get(name)}
        self._tokenizer: Any = self._loaded(found[TOKENIZER])
        self._template: Any = self._compiled(found[_TEMPLATE].decode() or _default(config.get("chat_template")))
        self._end: int | None = self._tokenizer.token_to_id(self._names.get("eos_token", ""))
        if self._end is None:
            self._refuse(f"has no eos_token in {_CONFIG} that {TOKENIZER} knows", "nothing else tells a model where an answer ends")
        self.digest = xxhash.xxh3_128_hexdigest(b"\0".join(found.values()))

    def spoken(self, messages: Sequence[Message]) -> Spoken:
        """A conversation that ends with an answer.

        Raises:
            ValueError: when the template cannot write it down, with its reason.
        """
        said = [message.model_dump() for message in messages]
        prompt, whole = self._written(said[:-1], open_ended=True), self._written(said, open_ended=False)
        if not whole.startswith(prompt):
            message = "the chat template writes down a question otherwise once it is answered"
            raise ValueError(message)
        asked, answered = (self._tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, whole[len(prompt) :]))
        ends = [place for place, token in enumerate(answered) if token == self._end]
        answered = answered[: ends[-1] + 1] if ends else [*answered, self._end]  # whatever stands behind it is never asked for
        return Spoken(tokens=np.array([*asked, *answered], dtype=np.uint32), answer=len(asked))

    def _written(self, said: list[dict[str, str]], *, open_ended: bool) -> str:
        try:
            return self._template.render(messages=said, tools=None, documents=None, add_generation_prompt=open_ended, **self._names)
        except Exception as error:  # noqa: BLE001  # it is somebody's program, and may fail in any way
            message = f"the chat template refuses it ({error})"
            raise ValueError(message) from None

    def _config(self, written: bytes) -> dict[str, Any]:
        try:
            return json.loads(written)
        except ValueError:
            self._refuse(f"has no {_CONFIG} that can be read", "copy it there from where the model comes from")

    def _loaded(self, written: bytes) -> Any:  # noqa: ANN401  # the package has no types
        try:
            from tokenizers import Tokenizer  # pyright: ignore[reportMissingImports]  # an optional extra
        except ImportError:
            self._refuse("needs the package tokenizers", "install tandem-trainer[huggingface]")
        try:
            return Tokenizer.from_str(written.decode())
        except Exception:  # noqa: BLE001  # the package raises nothing more special for what it cannot read
            self._refuse(f"has no {TOKENIZER} that can be read", "copy it there from where the model comes from")

    def _compiled(self, template: str) -> Any:  # noqa: ANN401
        from jinja2 import TemplateError  # comes with torch

        if not template:
            self._refuse(f"has no {_TEMPLATE}", "take a model that was made for conversations")
        try:
            return _sandbox().from_string(template)
        except TemplateError as error:
            self._refuse(f"has a chat template that jinja does not understand ({error})", "correct it")

    def _refuse(self, what: str, fix: str) -> NoReturn:
        message = f"trainer.model.pretrained: {self._folder} {what}: {fix}"
        raise Refusal(message) from None


def _sandbox() -> Any:  # noqa: ANN401
    from jinja2 import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """`{% generation %}` marks what the model says; where that begins is known here without it."""

        tags = {"generation"}  # noqa: RUF012  # as jinja declares it

        def parse(self, parser: Any) -> Any:  # noqa: ANN401
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> NoReturn:
        raise TemplateError(message)

    sandbox = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    sandbox.globals["raise_exception"] = raise_exception
    sandbox.filters["tojson"] = lambda value, **how: json.dumps(value, **{"ensure_ascii": False, **how})
    return sandbox


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _text(token: str | Mapping[str, Any]) -> str:
    """A special token, which some files write with its settings."""
    return token if isinstance(token, str) else token["content"]


def _default(templates: str | Sequence[Mapping[str, str]] | None) -> str:
    """The template in a tokenizer_config.json of older models, some of which have several by name."""
    if templates is None or isinstance(templates, str):
        return templates or ""
    return next((each["template"] for each in templates if each["name"] == "default"), "")
