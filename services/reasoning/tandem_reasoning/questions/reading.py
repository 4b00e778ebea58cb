"""Reads a question set line by line: all of its questions, or all of its mistakes; never more of it in memory than names and one line."""

from collections.abc import Iterable, Iterator, Mapping

from tandem_reasoning.questions.line import MOST_BYTES, USUAL, Fields, MistakeError, parsed
from tandem_reasoning.questions.mistakes import MOST, QuestionsError
from tandem_reasoning.questions.source import chunks
from tandem_reasoning.values import Question

_MARK = b"\xef\xbb\xbf"  # some editors begin UTF-8 with it


def questions(source: str, environ: Mapping[str, str], *, fields: Fields = USUAL, limit: int | None = None) -> Iterator[Question]:
    """The questions of a set, in its order.

    They come as they are read. Once there is a mistake no more of them come, so take none for good before the end.

    Args:
        source: A path, file:// or s3:// address of a file of JSON lines; empty lines do not count.
        environ: Where S3 takes its settings from.
        fields: Which field of a line holds what.
        limit: Only so many, from the first on; what comes after them is not read.

    Raises:
        QuestionsError: When it cannot be read, or with its mistakes: at most 20, one line each.
    """
    return told(chunks(source, environ), name=source, fields=fields, limit=limit)


def told(content: Iterable[bytes], *, name: str, fields: Fields = USUAL, limit: int | None = None) -> Iterator[Question]:
    """`questions` of content that comes in pieces, under the name that mistakes are told with."""
    first: dict[str, int] = {}
    mistakes: list[str] = []
    for number, line in enumerate(lines(content), start=1):
        if not line.strip():
            continue
        try:
            question = parsed(line, fields)
            _check_new(question, first, fields)
        except MistakeError as mistake:
            mistakes.append(f"{name}:{number}: {mistake}")
        else:
            first[question.id] = number
            if not mistakes:
                yield question
        if len(first) == limit or len(mistakes) == MOST:
            break
    if not first and not mistakes:
        mistakes.append(f"{name}: holds no question; write one JSON object on each line")
    if mistakes:
        raise QuestionsError(mistakes)


def lines(content: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends; of one that is too long only so much that it is seen to be."""
    rest = b""
    for piece in _unmarked(content):
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.removesuffix(b"\r") for line in whole)
        rest = rest[: MOST_BYTES + 2]  # its end is not here yet, and may never come
    if rest:
        yield rest.removesuffix(b"\r")


def _unmarked(content: Iterable[bytes]) -> Iterator[bytes]:
    """Without the mark that UTF-8 does not need."""
    pieces = iter(content)
    begin = b""
    for piece in pieces:
        begin += piece
        if len(begin) >= len(_MARK):
            break
    yield begin.removeprefix(_MARK)
    yield from pieces


def _check_new(question: Question, first: Mapping[str, int], fields: Fields) -> None:
    if (line := first.get(question.id)) is not None:
        msg = f'field "{fields.id}": "{question.id}" is the name of line {line}, too; give each question a name of its own'
        raise MistakeError(msg)
