"""Conversations as people hand them in: one JSON object to a line of a file, each ending with the answer that is to be learned."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tandem_trainer.refusal import Refusal

_ENDINGS = (".jsonl", ".jsonl.gz")
_FIX = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'


class Message(BaseModel):
    """Something that somebody says. What else a message might have, such as calls of tools, would be lost: it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class _Row(BaseModel):
    """A line; what it says beside the messages, such as where they come from, is for others."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    messages: Annotated[tuple[Message, ...], Field(min_length=2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What was said, the last answer included, and on which line of the file it stands, counted from 1."""

    line: int
    messages: tuple[Message, ...]


def is_file_of_conversations(source: str) -> bool:
    """Whether `data.source` names conversations, and not text."""
    return source.endswith(_ENDINGS)


def located(source: str) -> Path:
    """The file that `data.source` names.

    Raises:
        Refusal: when it is not there.
    """
    path = Path(unquote(urlsplit(source).path)) if source.startswith("file://") else Path(source).expanduser()
    if "://" in source and not source.startswith("file://"):
        message = f"data.source: {source} is no local file: use a path or a file:// address"
        raise Refusal(message)
    if not path.is_file():
        message = f"data.source: {source} is no file: name an existing file of conversations"
        raise Refusal(message)
    return path


def read(path: Path) -> Iterator[Conversation]:
    """The conversations of a file, in order; empty lines are passed over.

    Raises:
        Refusal: at the first line that is no conversation, with its number, the field and the fix.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _conversation(path, number, line)
    except (OSError, EOFError) as error:
        message = f"data.source: {path} cannot be read ({error}): write it anew"
        raise Refusal(message) from None


def _conversation(path: Path, number: int, line: bytes) -> Conversation:
    try:
        messages = _Row.model_validate_json(line).messages
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
        message = f"data.source: {path} line {number}{f', {field}' if field else ''}: {first['msg']}: write {_FIX}"
        raise Refusal(message) from None
    if (role := messages[-1].role) != "assistant":
        field = f"messages[{len(messages) - 1}].role"
        message = f'data.source: {path} line {number}, {field}: the last message is of "{role}": end with the answer of the assistant'
        raise Refusal(message)
    return Conversation(line=number, messages=messages)
