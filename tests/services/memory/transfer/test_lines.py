"""Records as lines of JSON, and files of them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.transfer import MistakeError, files, lines

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 2**64 - 1)


@st.composite
def messages(draw: st.DrawFn) -> wire.Record:
    """Records as a service may hold them, at any moment that the wire knows, to the nanosecond."""
    record = wire.Record(question=draw(TEXT.filter(bool)), key=draw(TEXT.filter(bool)))
    for name in draw(st.sets(st.sampled_from(["id", "answer", "source", "cost_usd", "model", "source_hash"]))):
        setattr(record, name, draw(TEXT))
    for name in draw(st.sets(st.sampled_from(["score", "agreement"]))):
        setattr(record, name, draw(FINITE))
    for stamp in (record.at, record.appended_at):
        if draw(st.booleans()):
            stamp.seconds, stamp.nanos = draw(st.integers(-62135596800, 253402300799)), draw(st.integers(0, 999_999_999))
            stamp.SetInParent()
    record.strategy.extend(draw(st.lists(TEXT, max_size=2)))
    record.tags.extend(draw(st.lists(TEXT, max_size=2)))
    record.metrics.update(draw(st.dictionaries(TEXT, FINITE, max_size=3)))
    record.verified = draw(st.sampled_from([0, 1, 2, 3, 4]))
    record.vector = draw(st.binary(max_size=8).map(lambda each: each * 4))
    if draw(st.booleans()):
        record.use.CopyFrom(wire.Use(times=draw(COUNTS), gain=draw(FINITE), by_source=draw(st.dictionaries(TEXT, COUNTS, max_size=2))))
    return record


@given(messages())
def test_a_record_comes_back_from_its_line_as_it_was(record: wire.Record) -> None:
    """Every field, bit for bit; the line is one line."""
    text = lines.line(record, with_vector=True)
    assert lines.carried(text).record == record
    assert "\n" not in text
    record.ClearField("vector")
    assert lines.carried(lines.line(record)).record == record


def test_a_record_that_is_found_by_its_vector_alone() -> None:
    """It has no question, and comes back all the same."""
    record = wire.Record(key="k", answer="a", vector=bytes(3) + b"?")
    assert lines.carried(lines.line(record, with_vector=True)).record == record


@given(st.lists(messages(), max_size=5), st.sampled_from(["memory.jsonl", "memory.jsonl.gz"]))
def test_records_come_back_from_a_file_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, records: list[wire.Record], name: str
) -> None:
    """Gzipped or not, and two exports of the same are the same bytes."""
    path = tmp_path_factory.mktemp("lines") / name
    assert files.write(path, records, with_vectors=True) == len(records)
    assert list(files.read(path)) == records
    before = path.read_bytes()
    files.write(path, records, with_vectors=True)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [name]


def test_a_line_is_written_as_people_would() -> None:
    """Fields in the wire's order, nothing that is absent, names and numbers that need no explanation."""
    record = wire.Record(question="Was ist Bewußtsein?", key="k", source="cloud", verified=wire.VERIFIED_LABEL, cost_usd="0.020", score=0.0)
    record.metrics.update({"integration": 0.78, "coherence": 0.92})
    record.at.FromJsonString("2025-11-10T19:00:00Z")
    assert lines.line(record) == (
        '{"key":"k","question":"Was ist Bewußtsein?","source":"cloud","at":"2025-11-10T19:00:00Z",'
        '"metrics":{"coherence":0.92,"integration":0.78},"score":0.0,"verified":"label","cost_usd":"0.020"}'
    )


def test_a_line_without_a_key_gets_one_of_its_content() -> None:
    """Imported again it is the same record; what became of a record does not change it."""
    one, other = {"question": "?", "answer": "a"}, {"question": "?", "answer": "b"}
    told = lines.carried(json.dumps(one)).record
    assert told.key == lines.carried(json.dumps({"answer": "a", "question": "?", "use": {"times": 1}})).record.key
    assert told.key != lines.carried(json.dumps(other)).record.key
    assert len(told.key) == 40


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON ("),
        ("[]", "is no JSON object; give one object a line"),
        ("{}", "question: is absent, and there is no vector; give what was asked, or what it is to be found by"),
        ('{"question": 1}', "question: 1: is no text"),
        ('{"question": "?", "scored": 1}', "scored: there is no such field; leave it out, or give one of id, key, question"),
        ('{"question": "?", "score": "high"}', 'score: "high": is no number'),
        ('{"question": "?", "score": true}', "score: true: is no number"),
        ('{"question": "?", "score": NaN}', "score: NaN: is not finite; leave out what was not measured"),
        ('{"question": "?", "metrics": {"coherence": null}}', 'metrics: {"coherence": null}: is no number'),
        ('{"question": "?", "metrics": []}', "metrics: []: is no object"),
        ('{"question": "?", "tags": "one"}', 'tags: "one": is no list of texts'),
        ('{"question": "?", "at": 5}', "at: 5: is no time"),
        ('{"question": "?", "at": "yesterday"}', 'at: "yesterday": '),
        ('{"question": "?", "verified": "yes"}', 'verified: "yes": is none of unsaid, none, label, agreement, judge'),
        ('{"question": "?", "vector": "!"}', 'vector: "!": is no base64'),
        ('{"question": "?", "vector": "AAA="}', 'vector: "AAA=": holds 2 bytes; give 4 for each dimension'),
        ('{"question": "?", "embedding": 5}', "embedding: 5: is no text"),
        ('{"question": "?", "use": {"times": 1.5}}', 'use: {"times": 1.5}: is no count'),
        ('{"question": "?", "use": {"times": -1}}', 'use: {"times": -1}: '),
        ('{"question": "' + "x" * 100 + '", "score": "' + "x" * 100 + '"}', 'score: "' + "x" * 56 + "...: is no number"),
        ("[" * 100_000, "is no JSON ("),
    ],
)
def test_a_mistake_names_field_and_value(text: str, said: str) -> None:
    """One line each, and never a stack trace."""
    with pytest.raises(MistakeError) as caught:
        lines.carried(text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_a_line_with_a_vector_says_what_made_it(tmp_path: Path) -> None:
    """One without has nothing to say it of; what no line says is not known."""
    record, path = wire.Record(question="?", key="k", vector=bytes(4)), tmp_path / "memory.jsonl"
    assert lines.line(record, with_vector=True, embedding="small") == '{"key":"k","question":"?","vector":"AAAAAA==","embedding":"small"}'
    assert lines.line(record, embedding="small") == '{"key":"k","question":"?"}'
    for with_vectors, embedding in ((True, "small"), (False, "")):
        files.write(path, [record, record], with_vectors=with_vectors, embedding=lambda: "small")
        assert files.contents(path) == files.Contents(records=2, embedding=embedding)


def test_vectors_of_two_embeddings_in_one_file_are_refused(tmp_path: Path) -> None:
    """They cannot be compared with each other; a line that does not say may be of either."""
    record, path = wire.Record(question="?", key="k", vector=bytes(4)), tmp_path / "memory.jsonl"
    path.write_text("\n".join(lines.line(record, with_vector=True, embedding=each) for each in ("", "small", "", "large")))
    with pytest.raises(
        MistakeError, match=r"memory.jsonl:4: embedding: 'large', and 'small' in line 2; give a file and a namespace to each"
    ):
        files.contents(path)


def test_a_mistake_in_a_file_names_its_line(tmp_path: Path) -> None:
    """Empty lines are passed over and counted; what comes before the mistake has been read."""
    path = tmp_path / "memory.jsonl"
    path.write_bytes(b'{"question": "1"}\n\n{"question": "3"}\n{"question": "\xff"}\n')
    reading = files.read(path)
    assert [next(reading).question, next(reading).question] == ["1", "3"]
    with pytest.raises(MistakeError, match=r"memory\.jsonl:4: is no UTF-8"):
        next(reading)


def test_a_damaged_gzip_file_is_said_in_a_line(tmp_path: Path) -> None:
    """Cut, or changed in the middle; what is not gzip at all, too."""
    path = tmp_path / "memory.jsonl.gz"
    whole = gzip.compress(b"".join(b'{"question": "%d"}\n' % n for n in range(1000)))
    for damaged in (whole[:-20], whole[:200] + b"xxxx" + whole[204:], b"no gzip"):
        path.write_bytes(damaged)
        with pytest.raises(MistakeError, match=r"memory\.jsonl\.gz:\d+: "):
            list(files.read(path))


def test_a_line_that_never_ends_is_refused_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes of gzip can hold gigabytes of one line."""
    monkeypatch.setattr(files, "LONGEST_LINE", 1 << 20)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * (1 << 24)))
    with pytest.raises(MistakeError, match=r"bomb\.jsonl\.gz:1: is longer than 1 MiB"):
        list(files.read(path))


def test_a_file_that_cannot_be_finished_leaves_what_was_there(tmp_path: Path) -> None:
    """An export that breaks replaces nothing."""
    path = tmp_path / "memory.jsonl"
    files.write(path, [wire.Record(question="old", key="k")])

    def breaking() -> Any:
        yield wire.Record(question="new", key="k")
        raise ConnectionError

    with pytest.raises(ConnectionError):
        files.write(path, breaking())
    assert [each.question for each in files.read(path)] == ["old"]
    assert [each.name for each in tmp_path.iterdir()] == ["memory.jsonl"]
