"""Records in files: JSON lines, gzipped by suffix. A file that is written is whole or not there; a mistake in one names its line."""

import gzip
import os
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from tandem.memory.v1 import memory_pb2 as wire

from tandem_memory.transfer.lines import Carried, MistakeError, carried, line

LONGEST_LINE = 64 * 1024 * 1024  # no service takes a larger record; a file that never ends its line cannot fill the memory
_GZIP_LEVEL = 6  # zlib's own compromise


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a file.

    Attributes:
        records: How many.
        embedding: What made their vectors; empty when no line says so.
    """

    records: int
    embedding: str


def write(path: Path, messages: Iterable[wire.Record], *, with_vectors: bool = False, embedding: Callable[[], str] = str) -> int:
    """Write records to a file, replacing what was there once all is on disk.

    Args:
        path: Where to; gzipped when it ends in .gz.
        messages: The records.
        with_vectors: Whether lines have their vectors.
        embedding: Says what made them, asked when there is a record; empty when it is not known.

    Returns:
        How many records were written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as raw:
            count = _written(raw, messages, packed=path.suffix == ".gz", with_vectors=with_vectors, embedding=embedding)
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return count


def pour(stream: IO[bytes], messages: Iterable[wire.Record], *, with_vectors: bool = False, embedding: Callable[[], str] = str) -> int:
    """Write records as lines to an open stream, as `write` does; how many that were."""
    count = 0
    for count, each in enumerate(messages, 1):  # noqa: B007 - the last is the answer
        stream.write(line(each, with_vector=with_vectors, embedding=embedding()).encode() + b"\n")
    return count


def read(path: Path) -> Iterator[wire.Record]:
    """Records of a file, one after the other; empty lines are passed over.

    Raises:
        MistakeError: at the first line that is no record, named as "FILE:LINE: field: what".
        OSError: when the file cannot be read.
    """
    for _, each in _read(path):
        yield each.record


def contents(path: Path) -> Contents:
    """What is in a file, which is read to its end for it.

    Raises:
        MistakeError: as `read` does, and where two embeddings made its vectors.
        OSError: when it cannot be read.
    """
    records, said, said_at = 0, "", 0
    for number, each in _read(path):
        records += 1
        if said and each.embedding and each.embedding != said:
            msg = f"{path}:{number}: embedding: {each.embedding!r}, and {said!r} in line {said_at}; give a file and a namespace to each"
            raise MistakeError(msg)
        if each.embedding and not said:
            said, said_at = each.embedding, number
    return Contents(records=records, embedding=said)


def line_of(path: Path, place: int) -> int:
    """The line, from 1, of the record that `read` yields at `place`, from 0.

    Raises:
        OSError, MistakeError: when the file cannot be read any more.
    """
    return next(islice(_numbered(path), place, None))[0]


def _read(path: Path) -> Iterator[tuple[int, Carried]]:
    """What lines say, and their numbers."""
    for number, text in _numbered(path):
        try:
            yield number, carried(text.decode())
        except (MistakeError, UnicodeDecodeError) as error:
            said = "is no UTF-8" if isinstance(error, UnicodeDecodeError) else error
            msg = f"{path}:{number}: {said}"
            raise MistakeError(msg) from None


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that hold something, and their numbers."""
    with _opened(path) as stream:
        yield from ((number, text) for number, text in enumerate(_lines(path, stream), 1) if text.strip())


def _written(raw: IO[bytes], messages: Iterable[wire.Record], *, packed: bool, with_vectors: bool, embedding: Callable[[], str]) -> int:
    if not packed:
        return pour(raw, messages, with_vectors=with_vectors, embedding=embedding)
    with gzip.GzipFile(
        filename="", mode="wb", fileobj=raw, compresslevel=_GZIP_LEVEL, mtime=0
    ) as stream:  # the same bytes for the same records
        return pour(cast("IO[bytes]", stream), messages, with_vectors=with_vectors, embedding=embedding)


@contextmanager
def _opened(path: Path) -> Generator[IO[bytes]]:
    with path.open("rb") as raw:
        if path.suffix != ".gz":
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast("IO[bytes]", stream)


def _lines(path: Path, stream: IO[bytes]) -> Iterator[bytes]:
    number = 0
    try:
        while text := stream.readline(LONGEST_LINE):
            number += 1
            if len(text) == LONGEST_LINE:
                msg = f"{path}:{number}: is longer than {LONGEST_LINE // 1024**2} MiB; give one record a line"
                raise MistakeError(msg)
            yield text
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        msg = f"{path}:{number + 1}: the gzip file is damaged ({error}); what comes before is whole"
        raise MistakeError(msg) from None
