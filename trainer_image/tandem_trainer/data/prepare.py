"""Text into token shards, once: whoever comes second finds them in the cache, or waits for whoever is at it.

The shards' folder is named after everything they depend on, and appears under that name only when it is complete. This
module knows no torch, so the agent can run it before any rank starts.
"""

import argparse
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from tandem_trainer.data import shards, sources, tokens
from tandem_trainer.exit_codes import DO_NOT_RESTART
from tandem_trainer.job import Data
from tandem_trainer.refusal import Refusal

Say = Callable[[str], None]
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
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_suffix(".lock"), say):
        for left in cache.glob(f".{folder.name[:8]}-*"):  # by a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        if not folder.is_dir():
            _make(folder, data, found, tokenizer, say)
    return folder


def _make(folder: Path, data: Data, found: sources.Sources, tokenizer: tokens.Tokenizer, say: Say) -> None:
    say(f"data: making tokens of {len(found.files)} files, {found.total_bytes / 1e6:.1f} MB, in {found.folder}")
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name[:8]}-", dir=folder.parent))
    try:
        index = _fill(building, data, found, tokenizer, say)
        building.chmod(0o755)  # made private; a cache may be shared
        shards.sync(building)  # all names are lasting before the folder has its own
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    left_out = len(found.files) - index.documents
    unread = f", {left_out} files left out because they are empty, binary or unreadable" if left_out else ""
    say(f"data: {index.tokens / 1e6:.2f} million tokens of {index.documents} documents in {folder}{unread}")


def _fill(folder: Path, data: Data, found: sources.Sources, tokenizer: tokens.Tokenizer, say: Say) -> shards.Index:
    writing = _Writing(folder, tokenizer.special.vocabulary)
    for text in _texts(found, say):
        writing.add(tokenizer.encode(text), tokenizer.special.end)
    index = writing.finish(data, tokenizer)
    if index.tokens < _FEWEST_TOKENS:
        message = f"data.source: the {len(found.files)} files found in {found.folder} hold no text: name a folder with text files"
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
        shards.write_durably(self._folder / shards.INDEX, index.model_dump_json(indent=2).encode())
        return index

    def _write(self) -> None:
        if not self._gathered:
            return
        together = np.concatenate(self._gathered, dtype=self._dtype, casting="unsafe")
        shards.write(self._folder, len(self._counts), together)
        self._hash.update(together.data)
        self._counts.append(len(together))
        self._gathered, self._gathered_tokens = [], 0


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    """Only one process on the machine at a time; the kernel lets go of the lock of one that dies."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("data: another process is making these tokens, waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
