"""What text becomes: numbers, with a few that stand for no text: the end of a document, and the marks of a filled hole.

`bytes` needs nothing and knows every language: one token a byte, the special ones behind the 256. Any other name is the path
of a Hugging Face `tokenizer.json`; the special tokens follow its own. Vocabularies are rounded up to a multiple of 64,
which keeps the output matrix aligned for the tensor cores of every GPU (the customary padding since Megatron-LM).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xxhash
from numpy.typing import NDArray

from tandem_trainer.refusal import Refusal

BYTES = "bytes"
_MULTIPLE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Special:
    """Tokens that stand for no text."""

    end: int
    prefix: int
    suffix: int
    middle: int
    pad: int

    @classmethod
    def following(cls, count: int) -> "Special":
        """The special tokens behind `count` tokens of text."""
        return cls(end=count, prefix=count + 1, suffix=count + 2, middle=count + 3, pad=count + 4)

    @property
    def vocabulary(self) -> int:
        """Size of the vocabulary that ends with these, rounded up."""
        return -(-(self.pad + 1) // _MULTIPLE) * _MULTIPLE


class Tokenizer(Protocol):
    """Text to tokens."""

    special: Special
    digest: str

    def encode(self, text: bytes) -> NDArray[np.integer[Any]]:
        """Tokens of a document, without special ones."""
        ...

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The text of tokens; special ones stand for none."""
        ...


class ByteTokenizer:
    """One token a byte."""

    special = Special.following(256)
    digest = BYTES

    def encode(self, text: bytes) -> NDArray[np.uint8]:
        """The bytes themselves, not copied."""
        return np.frombuffer(text, dtype=np.uint8)

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes themselves."""
        return bytes(token for token in tokens if token < self.special.end)


class FileTokenizer:
    """A Hugging Face tokenizer.json."""

    def __init__(self, path: Path) -> None:
        try:
            from tokenizers import Tokenizer as Loaded  # pyright: ignore[reportMissingImports]  # an optional extra
        except ImportError:
            message = f"data.tokenizer: {path} needs the package tokenizers: install tandem-trainer[huggingface] or use {BYTES}"
            raise Refusal(message) from None
        try:
            self._loaded = Loaded.from_file(str(path))
            self.digest = xxhash.xxh3_128_hexdigest(path.read_bytes())
        except Exception as error:  # noqa: BLE001  # the package raises nothing more special for a file it cannot read
            message = f"data.tokenizer: {path} is no tokenizer.json ({error}): name a file saved by the tokenizers package, or {BYTES}"
            raise Refusal(message) from None
        self.special = Special.following(self._loaded.get_vocab_size(with_added_tokens=True))

    def encode(self, text: bytes) -> NDArray[np.uint32]:
        """Tokens of a document in UTF-8."""
        return np.array(self._loaded.encode(text.decode(), add_special_tokens=False).ids, dtype=np.uint32)

    def decode(self, tokens: Sequence[int]) -> bytes:
        """Text in UTF-8; where the last character is not yet whole, a replacement character stands for it."""
        return self._loaded.decode([token for token in tokens if token < self.special.end], skip_special_tokens=False).encode()


def tokenizer(name: str) -> Tokenizer:
    """The tokenizer called `name`.

    Raises:
        Refusal: when it is neither `bytes` nor the path of a tokenizer that can be loaded.
    """
    if name == BYTES:
        return ByteTokenizer()
    path = Path(name.removeprefix("file://")).expanduser()
    if not path.is_file():
        message = f"data.tokenizer: {name} is neither {BYTES} nor a file: use {BYTES} or the path of a tokenizer.json"
        raise Refusal(message)
    return FileTokenizer(path)
