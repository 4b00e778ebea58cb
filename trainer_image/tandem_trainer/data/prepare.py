"""Text into token shards, once: the shards' folder is named after everything they depend on.

This module knows no torch, so the agent can run it before any rank starts.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from tandem_trainer.data import once, shards, sources, tokens
from tandem_trainer.data.conversations import prepare as conversations
from tandem_trainer.data.index import INDEX
from tandem_trainer.data.once import Say
from tandem_trainer.exit_codes import DO_NOT_RESTART
from tandem_trainer.job import Data, Phase
from tandem_trainer.refusal import Refusal

_LAYOUT = b"tandem.tokens 1"
_FILE_TOKENS = 1 << 27  # 256 MiB of 16-bit tokens a file
_PROGRESS_BYTES = 64 << 20
_FEWEST_TOKENS = 16


def ensure(data: Data, cache: Path, say: Say = print) -> Path:
    """The folder of token shards of `data` below `cache`, made if it is not there.

    Raises:
        Refusal: when there is nothing to learn from, or the tokenizer cannot be had.
    """
    tokenizer = tokens.tokenizer(data.tokenizer)
    found = sources.find(data)
    folder = cache / xxhash.xxh3_128_hexdigest(b"\0".join([_LAYOUT, tokenizer.digest.encode(), found.digest.encode()]))
    return once.made(folder, lambda building: _make(building, data, found, tokenizer, say), say)


def phase(phase: Phase, pretrained: Path | None, cache: Path, say: Say = print) -> Path:
    """The folder of what a phase learns from: windows of conversations for a `pretrained` model, token shards for others.

    Raises:
        Refusal: as those who make them do.
    """
    if pretrained is None:
        return ensure(phase.data, cache, say)
    return conversations.ensure(phase.data.source, pretrained, phase.context_length, cache, say)


def _make(building: Path, data: Data, found: sources.Sources, tokenizer: tokens.Tokenizer, say: Say) -> None:
    say(f"data: making tokens of {len(found.files)} files, {found.total_bytes / 1e6:.1f} MB, in {found.folder}")
    index = _fill(building, data, found, tokenizer, say)
    left_out = len(found.files) - index.documents
    unread = f", {left_out} files left out because they are empty, binary or unreadable" if left_out else ""
    say(f"data: {index.tokens / 1e6:.2f} million tokens of {index.documents} documents{unread}")


def _fill(folder: Path, data: Data, found: sources.Sources, tokenizer: tokens.Tokenizer, say: Say) -> shards.Index:
    writing = _Writing(folder, tokenizer.special.vocabulary)
    for text in _texts(found, say):
        writing.add(tokenizer.encode(text), tokenizer.special.end)
    index = writing.finish(data, tokenizer)
    files = found.files[0] if len(found.files) == 1 else f"{len(found.files)} files"
    if not index.documents:
        message = f"data.source: there is no text in UTF-8 in {files} of {found.folder}: name other files, or save them so"
        raise Refusal(message)
    if index.tokens < _FEWEST_TOKENS:
        message = f"data.source: {files} of {found.folder}: {index.tokens} tokens are too few to learn from: bring {_FEWEST_TOKENS} or more"
        raise Refusal(message)
    return index


def _texts(found: sources.Sources, say: Say) -> Iterator[bytes]:
    """The files' contents; none for one that cannot be read or is no text."""
    done, next_word = 0, _PROGRESS_BYTES
    for name in found.files:
        text = _text(found.folder / name)
        yield text
        done += len(text)
        if done >= next_word:
            say(f"data: {done / 1e6:.0f} of {found.total_bytes / 1e6:.0f} MB")
            next_word += _PROGRESS_BYTES


def _text(path: Path) -> bytes:
    try:
        text = path.read_bytes()
        text.decode()
    except (OSError, UnicodeDecodeError):
        return b""
    return b"" if b"\0" in text else text


class _Writing:
    """Shards in the making: documents are gathered until they fill a file."""

    def __init__(self, folder: Path, vocabulary: int) -> None:
        self._folder, self._dtype = folder, shards.dtype_of(vocabulary)
        self._gathered: list[NDArray[Any]] = []
        self._gathered_tokens = self._documents = 0
        self._counts: list[int] = []
        self._hash = xxhash.xxh3_128(self._dtype.encode())

    def add(self, document: NDArray[np.integer[Any]], end: int) -> None:
        if not len(document):
            return
        self._gathered += [document, np.array([end])]
        self._gathered_tokens += len(document) + 1
        self._documents += 1
        if self._gathered_tokens >= _FILE_TOKENS:
            self._write()

    def finish(self, data: Data, tokenizer: tokens.Tokenizer) -> shards.Index:
        self._write()
        index = shards.Index(
            source=data.source,
            tokenizer=data.tokenizer,
            special=tokenizer.special,
            dtype=self._dtype,
            counts=tuple(self._counts),
            documents=self._documents,
            digest=self._hash.hexdigest(),
        )
        shards.write_durably(self._folder / INDEX, index.model_dump_json(indent=2).encode())
        return index

    def _write(self) -> None:
        if not self._gathered:
            return
        together = np.concatenate(self._gathered, dtype=self._dtype, casting="unsafe")
        shards.write(self._folder, len(self._counts), together)
        self._hash.update(together.data)
        self._counts.append(len(together))
        self._gathered, self._gathered_tokens = [], 0


def main() -> int:
    """`python -m tandem_trainer.data.prepare`: make shards ahead of a run."""
    parser = argparse.ArgumentParser(prog="tandem-prepare", description="Turn a folder of text files into token shards.")
    parser.add_argument("--source", default=Data().source, help="folder, file:// address or python-stdlib")
    parser.add_argument("--out", type=Path, required=True, help="cache folder; the shards get a folder of their own in it")
    parser.add_argument("--include", action="append", help="pattern of file names, may be repeated (default: *.py)")
    parser.add_argument("--tokenizer", default=Data().tokenizer, help="bytes, or the path of a tokenizer.json")
    chosen = parser.parse_args()
    data = Data(source=chosen.source, include=tuple(chosen.include or Data().include), tokenizer=chosen.tokenizer)
    try:
        folder = ensure(data, chosen.out, _to_stderr)
    except Refusal as refusal:
        _to_stderr(str(refusal))
        return DO_NOT_RESTART
    sys.stdout.write(f"{os.fspath(folder)}\n")
    return 0


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
