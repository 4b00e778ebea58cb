"""Records on their way to the wire and back."""

import copy
import pickle
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory import measured
from tandem_memory.record import Record, Use, Verified

ROOT = Path(__file__).parents[4]
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ABSENT = st.none()
EARLIEST, LATEST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
MOMENTS = st.datetimes(EARLIEST, LATEST, timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]))
VECTORS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8).map(lambda row: np.array(row, dtype="<f4"))
COUNTS = st.integers(0, 2**64 - 1)
USES = st.builds(Use, times=COUNTS, gain=FINITE, by_source=st.dictionaries(TEXT, COUNTS, max_size=3))
RECORDS = st.builds(
    Record,
    question=TEXT,
    answer=TEXT,
    strategy=st.lists(TEXT, max_size=3),
    source=TEXT,
    at=ABSENT | MOMENTS,
    metrics=st.dictionaries(TEXT, FINITE, max_size=4),
    score=ABSENT | FINITE,
    agreement=ABSENT | FINITE,
    verified=st.sampled_from(Verified),
    cost_usd=ABSENT | st.decimals(0, 10**9, allow_nan=False),
    model=TEXT,
    tags=st.lists(TEXT, max_size=3),
    source_hash=TEXT,
    vector=ABSENT | VECTORS,
    key=TEXT,
    id=TEXT,
    appended_at=ABSENT | MOMENTS,
    use=ABSENT | USES,
)


@given(RECORDS)
def test_a_record_comes_back_from_the_wire_as_it_was(record: Record) -> None:
    """Every field, through bytes, and what is absent is absent; both ways."""
    sent = record.message().SerializeToString(deterministic=True)
    back = Record.of(wire.Record.FromString(sent))
    assert back == record
    assert back.message().SerializeToString(deterministic=True) == sent


@given(RECORDS, RECORDS)
def test_records_are_equal_when_all_of_them_is(one: Record, other: Record) -> None:
    """Equality and hashes follow the fields, a vector included."""
    assert one == replace(one)
    assert hash(one) == hash(replace(one))
    assert (one == other) == (one.message() == other.message())
    assert one != replace(one, vector=np.array([1, 2, 3.5, 4, 5, 6, 7, 8, 9], dtype="<f4"))


@given(RECORDS)
def test_a_record_that_is_read_as_it_is_asked_for_is_the_same(record: Record) -> None:
    """Every field, whichever is asked for first; as a whole, as a copy, and over again."""
    message = record.message()
    for name in reversed([each.name for each in fields(Record)]):
        one = Record.within(message)
        assert replace(Record(question="?"), **{name: getattr(one, name)}) == replace(Record(question="?"), **{name: getattr(record, name)})
        assert one == record
        assert hash(one) == hash(record)
    assert replace(Record.within(message), key="other") == replace(record, key="other")
    for copied in (copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))):  # noqa: S301 - of our own
        assert copied(Record.within(message)) == record
    assert repr(Record.within(message)) == repr(Record.of(message))
    assert Record.within(message).message() == message


def test_a_record_has_no_other_fields() -> None:
    """A name that no field has is an attribute that is not there, of a record that was read and of one that was made."""
    for record in (Record(question="?"), Record.within(wire.Record(question="?"))):
        with pytest.raises(AttributeError, match="'Record' object has no attribute 'sorce'"):
            record.sorce  # type: ignore[attr-defined]  # noqa: B018 # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"at": datetime(2025, 11, 10, 19)}, "at: 2025-11-10T19:00:00 has no time zone"),  # noqa: DTZ001 - the mistake
        ({"vector": np.zeros((2, 2))}, r"vector: has shape \(2, 2\); give one row"),
        ({"vector": []}, r"vector: has shape \(0,\)"),
        ({"tags": "math"}, r"tags: 'math' is one text; give a list of them, such as \['math'\]"),
        ({"strategy": "think"}, "strategy: 'think' is one text"),
        ({"answer": "\ud83d"}, "^answer: holds half a surrogate pair[^\n]*$"),
        ({"metrics": {"\ud83d": 1.0}}, "^metrics: holds half"),
        ({"cost_usd": "abc"}, r"^cost_usd: 'abc' is no amount of dollars; give a Decimal, such as Decimal\(\"0.02\"\)$"),
        ({"at": "2020"}, "^at: '2020' is no time; give a datetime with its time zone$"),
        ({"model": 5}, "^model: 5 is no text; give one"),
        ({"metrics": {"x": "y"}}, r"^metrics: \{'x': 'y'\} are not numbers by their names"),
        ({"tags": 7}, "^tags: 7 is no list of texts"),
        ({"strategy": ["a", 7]}, r"^strategy: \['a', 7\] is no list of texts"),
        ({"score": "high"}, "^score: 'high' is no number; give one, or None"),
        ({"verified": "label"}, "^verified: 'label' is no kind of proof; give a Verified, such as Verified.LABEL$"),
        (
            {"use": Use(times=-1)},
            r"^use: Use\(times=-1[^\n]*\) is no use; give a Use with counts of 0 and more by names of sources, and a gain$",
        ),
        ({"use": 3}, "^use: 3 is no use; give a Use"),
        ({"use": Use(gain="x")}, "^use: Use[^\n]* is no use; give a Use"),
        ({"use": Use(by_source={3: 1})}, "^use: Use[^\n]* is no use; give a Use"),
        ({"use": Use(by_source={"a": 1 << 64})}, "^use: Use[^\n]* is no use; give a Use"),
        ({"vector": "abc"}, r"^vector: 'abc' is no row of numbers; give one, shape \(dimension,\)$"),
        ({"vector": [1, None, "a"]}, "^vector: [^\n]* is no row of numbers"),
    ],
)
def test_what_the_wire_cannot_carry_is_refused(fields: dict[str, Any], said: str) -> None:
    """One line with field, value and fix."""
    with pytest.raises(ValueError, match=said):
        Record(question="?", **fields).message()


def test_absent_is_not_zero() -> None:
    """A score of 0, a cost of 0 and no metric at all come back as what they are."""
    none, zero = Record(question="?"), Record(question="?", score=0.0, agreement=0.0, cost_usd=Decimal(0), metrics={"coherence": 0.0})
    assert Record.of(zero.message()) == zero
    assert Record.of(none.message()).metrics == {}
    assert Record.of(none.message()).score is None


def test_a_newer_wire_s_verification_says_nothing() -> None:
    """A number that this program does not know is not taken for one that it knows."""
    assert Record.of(wire.Record(verified=99)).verified is Verified.UNSAID  # pyright: ignore[reportArgumentType]


def test_the_table_of_metrics_is_documented() -> None:
    """services/memory/METRICS.md is generated from the one table, and says what Tandem does not measure."""
    document = (ROOT / "services/memory/METRICS.md").read_text()
    assert document.startswith(measured.document())
    assert "Tandem does not measure consciousness" in document
    claimed = {name for name, metric in measured.METRICS.items() if metric.claimed}
    assert claimed == {"consciousness", "integration", "coherence"}
