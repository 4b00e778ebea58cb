"""Question sets: read whole or refused with all that is wrong, in little memory, from a file or from S3."""

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_objects import open_store
from tandem_reasoning.questions.line import MOST_BYTES, Fields
from tandem_reasoning.questions.mistakes import MOST, QuestionsError
from tandem_reasoning.questions.reading import lines, questions, told
from tandem_reasoning.values import Question

from tests.parts.minio_server import MinioServer


def read(*written: str | bytes, limit: int | None = None, fields: Fields | None = None) -> list[Question]:
    """The questions of these lines."""
    content = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in written)
    return list(told([content], name="q.jsonl", fields=fields or Fields(), limit=limit))


def mistakes(*written: str | bytes) -> Sequence[str]:
    """What is said of these lines."""
    with pytest.raises(QuestionsError) as error:
        read(*written)
    return error.value.mistakes


def test_all_fields_and_none() -> None:
    """Answer and kind may be left out or null; numbers are names and answers, too; empty lines do not count."""
    assert read(
        '{"id": "a", "question": "What is it?", "answer": "Nothing.", "kind": "metaphysics", "more": [1]}',
        "",
        '{"id": 7, "question": "2+2?", "answer": 4, "kind": null}',
    ) == [
        Question(id="a", text="What is it?", answer="Nothing.", kind="metaphysics"),
        Question(id="7", text="2+2?", answer="4"),
    ]


def test_other_fields() -> None:
    """A set of somebody else is read by its own names."""
    fields = Fields(id="uid", question="q", answer="gold", kind="topic")
    assert read('{"uid": "x", "q": "Why?", "gold": "So.", "topic": "t", "id": 1}', fields=fields) == [
        Question(id="x", text="Why?", answer="So.", kind="t")
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "q.jsonl:2: no JSON at column 2 (Expecting property name enclosed in double quotes); write one JSON object on each line"),
        ("[1]", "q.jsonl:2: [1] is no JSON object; write each question as {...}"),
        (b'{"id": "\xff"}', "q.jsonl:2: byte 9 is no UTF-8; save the file as UTF-8"),
        ('{"question": "?"}', 'q.jsonl:2: field "id" is missing; give each question a name, or set idField to the field that has it'),
        ('{"id": "b"}', 'q.jsonl:2: field "question" is missing; write what is asked, or set questionField to the field that has it'),
        ('{"id": "b", "question": " "}', 'q.jsonl:2: field "question": " " is no question; write a text'),
        (
            '{"id": true, "question": "?"}',
            'q.jsonl:2: field "id": true is no name; write 1 to 200 characters that can be printed, or a whole number',
        ),
        (
            '{"id": "b", "question": "?", "answer": ["x"]}',
            'q.jsonl:2: field "answer": ["x"] is no answer; write a text or a number, or leave the field out',
        ),
        (
            '{"id": "b", "question": "?", "kind": 3}',
            'q.jsonl:2: field "kind": 3 is no kind; write a word of at most 63 characters, or leave the field out',
        ),
        (
            '{"id": "a", "question": "?"}',
            'q.jsonl:2: field "id": "a" is the name of line 1, too; give each question a name of its own',
        ),
        (
            '{"id": "b", "question": "\\ud800"}',
            'q.jsonl:2: field "question" holds half a surrogate pair; write the character itself, not its escape',
        ),
        ("[" * 100_000, "q.jsonl:2: lists within lists without end; write one plain JSON object on each line"),
        (
            '{"id": "b", "question": "' + "x" * MOST_BYTES + '"}',
            "q.jsonl:2: the line is longer than 1,048,576 bytes; shorten the question, or break the line after each question",
        ),
    ],
)
def test_a_mistake_is_one_line(line: str | bytes, said: str) -> None:
    """It names file, line, field and fix."""
    assert mistakes('{"id": "a", "question": "?"}', line) == (said,)


def test_all_mistakes_at_once() -> None:
    """Not one after the other, and no more than a person wants to read."""
    assert [line.split(": ")[0] for line in mistakes("1", '{"id": 1, "question": "?"}', "2")] == ["q.jsonl:1", "q.jsonl:3"]
    assert len(mistakes(*["x"] * 100)) == MOST


def test_a_set_without_questions_is_a_mistake() -> None:
    """A run of nothing was not meant."""
    assert mistakes("", " ") == ("q.jsonl: holds no question; write one JSON object on each line",)


def test_a_limit_reads_no_further() -> None:
    """What comes after it is not read, whatever it holds."""

    def content() -> Iterator[bytes]:
        yield b'{"id": 1, "question": "?"}\n{"id": 2, "question": "?"}\n'
        raise AssertionError

    assert [each.id for each in told(content(), name="q", limit=2)] == ["1", "2"]


@given(text=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=6))
def test_lines_do_not_depend_on_the_pieces(text: bytes, cuts: list[int]) -> None:
    """However the content is cut, its lines are the same; and a mark at its beginning is none of them."""
    ends = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[begin:end] for begin, end in pairwise(ends)]
    whole = text.removeprefix(b"\xef\xbb\xbf")
    expected = [line.removesuffix(b"\r") for line in whole.split(b"\n")]
    assert list(lines(pieces)) == (expected if expected[-1] or whole.endswith(b"\r") else expected[:-1])


def test_a_long_set_takes_little_memory(tmp_path: Path) -> None:
    """50,000 questions of 2 KB, 100 MB in all, pass through less than 20 MB; an endless line does, too."""
    file = tmp_path / "many.jsonl"
    with file.open("w") as out:
        out.writelines(f'{{"id": "question-{number}", "question": "{"x" * 2000}"}}\n' for number in range(50_000))
    tracemalloc.start()
    assert sum(1 for _ in questions(str(file), {})) == 50_000
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.reset_peak()
    with pytest.raises(QuestionsError):
        list(told((b"x" * 1_000_000 for _ in range(100)), name="q"))
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_paths_and_addresses(tmp_path: Path) -> None:
    """A path and its file:// address are the same file; what cannot be read is said in one line."""
    file = tmp_path / "a set.jsonl"
    file.write_text('{"id": "a", "question": "?"}')
    assert list(questions(str(file), {})) == list(questions(file.as_uri(), {})) == [Question(id="a", text="?")]
    for source, said in (
        (str(tmp_path / "none"), "cannot be read (No such file or directory); name a file that is there and may be read"),
        (str(tmp_path), "cannot be read (Is a directory); name a file that is there and may be read"),
        ("file://elsewhere/q.jsonl", "names no file of this machine; write file:///folder/questions.jsonl"),
        ("ftp://host/q.jsonl", "ftp:// is not read; write a path, a file:// or an s3:// address"),
    ):
        with pytest.raises(QuestionsError) as error:
            list(questions(source, {}))
        assert error.value.mistakes == (f"{source}: {said}",)


@pytest.mark.needs_part("minio")
def test_from_s3(minio: MinioServer) -> None:
    """An object is read in pieces; one that is not there is said in one line."""
    address = f"s3://{minio.new_bucket()}"
    written = [{"id": str(number), "question": "x" * 1000} for number in range(3000)]
    open_store(address, minio.environ).put("sets/q.jsonl", "\n".join(json.dumps(each) for each in written).encode())
    assert [each.id for each in questions(f"{address}/sets/q.jsonl", minio.environ)] == [each["id"] for each in written]
    with pytest.raises(QuestionsError, match="there is no such object; upload the question set, or correct the address"):
        list(questions(f"{address}/sets/none.jsonl", minio.environ))
