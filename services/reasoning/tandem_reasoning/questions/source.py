"""Where a question set comes from: a file of this machine, or an object of S3; in pieces, so that its size does not matter."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tandem_reasoning.questions.mistakes import QuestionsError

PIECE_BYTES = 1 << 20
"""Of a file or an object, read at once: a request to S3 costs some 20 ms, which is about what this much takes to arrive."""


def chunks(source: str, environ: Mapping[str, str]) -> Iterator[bytes]:
    """What is at a path, file:// or s3:// address.

    Args:
        source: The address.
        environ: Where S3 takes its settings from.

    Raises:
        QuestionsError: When it cannot be read.
    """
    scheme = urlsplit(source).scheme if "://" in source else ""
    if scheme == "s3":
        yield from _of_object(source, environ)
    elif scheme in {"", "file"}:
        yield from _of_file(source, _path(source) if scheme else Path(source))
    else:
        raise QuestionsError([f"{source}: {scheme}:// is not read; write a path, a file:// or an s3:// address"])


def _path(address: str) -> Path:
    parts = urlsplit(address)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        raise QuestionsError([f"{address}: names no file of this machine; write file:///folder/questions.jsonl"])
    return Path(unquote(parts.path))


def _of_file(source: str, path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece
    except OSError as error:
        raise QuestionsError([f"{source}: cannot be read ({error.strerror}); name a file that is there and may be read"]) from None


def _of_object(source: str, environ: Mapping[str, str]) -> Iterator[bytes]:
    from tandem_objects import ObjectError, open_store  # heavy, and of no use to runs that read a file

    folder, _, key = source.rpartition("/")
    try:
        store = open_store(folder, environ)
        found = store.stat(key)
        if found is None:
            raise QuestionsError([f"{source}: there is no such object; upload the question set, or correct the address"])
        for start in range(0, found.bytes, PIECE_BYTES):
            yield store.get_range(key, start, min(PIECE_BYTES, found.bytes - start))
        if store.stat(key) != found:
            raise QuestionsError([f"{source}: was changed while it was read; start again when it is whole"])
    except ObjectError as error:
        raise QuestionsError([f"{source}: {error}"]) from None
