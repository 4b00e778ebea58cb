"""The pickle of the first scripts: all of it that is data, and not a step further."""

import contextlib
import io
import math
import os
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_memory.record import Record
from tandem_memory.transfer import MistakeError, pickles, seed
from tandem_memory.transfer.pickles import Limits

EXPERIENCE = {
    "question": "What is consciousness?",
    "answer": "Consciousness is...",
    "metrics": {"consciousness": 0.85, "integration": 0.78, "coherence": 0.92},
    "timestamp": "2025-11-10T19:00:00",
    "source": "cloud",
}
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
    max_leaves=30,
)


class Harm:
    """Pickles to a call."""

    def __init__(self, call: Any, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.call, self.arguments


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a memory file that holds a value, or bytes."""

    def reading(held: object, protocol: int = 4, **options: Any) -> seed.Found:
        path = tmp_path / "training_memory.pkl"
        path.write_bytes(held if isinstance(held, bytes) else pickle.dumps(held, protocol))
        return seed.read(path, **options)

    return reading


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_memory_file_of_any_protocol_becomes_records(read: Any, protocol: int) -> None:
    """Every field of the seed's is there, and what was not measured is absent."""
    found = read({"experiences": [EXPERIENCE, {"question": "Why?", "metrics": {"coherence": None, "integration": math.nan}}]}, protocol)
    one, other = map(Record.of, found.records)
    assert (one.question, one.answer, one.source) == ("What is consciousness?", "Consciousness is...", "cloud")
    assert one.metrics == EXPERIENCE["metrics"]
    assert one.at == datetime(2025, 11, 10, 19, tzinfo=UTC)
    assert one.source_hash == seed.question_digest("  What is\nconsciousness?")
    assert other == Record(question="Why?", key=other.key, source_hash=seed.question_digest("Why?"))


def test_keys_follow_the_content(read: Any) -> None:
    """The same file, grown and pickled otherwise, holds the same records and some more."""
    first = read({"experiences": [EXPERIENCE]}, 0).records
    then = read({"experiences": [{**EXPERIENCE}, {**EXPERIENCE, "source": "local_dual_gpu"}]}, 5).records
    assert then[0] == first[0]
    assert then[1].key != first[0].key


def test_times_are_read_in_the_zone_of_whoever_wrote_them(read: Any) -> None:
    """Text without a zone, with one, and seconds."""
    zone = timezone(timedelta(hours=-5))
    told = ["2025-11-10T19:00:00", "2025-11-10T19:00:00+01:00", 1762801200.5, None]
    found = read([{"question": "?", "timestamp": each} for each in told], zone=zone)
    assert [Record.of(each).at for each in found.records] == [
        datetime(2025, 11, 11, tzinfo=UTC),
        datetime(2025, 11, 10, 18, tzinfo=UTC),
        datetime(2025, 11, 10, 19, 0, 0, 500_000, tzinfo=UTC),
        None,
    ]


def test_what_has_no_place_is_counted(read: Any) -> None:
    """Nothing is left out in silence."""
    assert read([{"question": "?", "neuron": 1}, {"question": "!", "neuron": 2, 5: 6}]).left_out == {"neuron": 2, "5": 1}
    assert read([{"question": "?", "metrics": {"coherence": "high", "calls": True, "integration": None}}]).left_out == {
        "metrics.coherence": 1,
        "metrics.calls": 1,
    }


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({}, 'experiences: there are none; the file must hold {"experiences": [...]}'),
        (5, "experiences: there are none"),
        ([5], "experiences[0]: is no dict but int"),
        ([{"answer": "a"}], "experiences[0].question: is absent"),
        ([{"question": ["?"]}], "experiences[0].question: is no text but list"),
        ([{"question": "?", "metrics": 1}], "experiences[0].metrics: is no dict but int"),
        ([{"question": "?", "timestamp": "soon"}], "experiences[0].timestamp: 'soon' is no time"),
        ([{"question": "?", "timestamp": 1e300}], "experiences[0].timestamp: '1e+300' is no time"),
        ([{"question": "?", "timestamp": []}], "experiences[0].timestamp: is no time but list"),
    ],
)
def test_a_file_of_something_else_is_refused_with_its_place(read: Any, held: object, said: str) -> None:
    """Path, place, what is there."""
    with pytest.raises(MistakeError) as caught:
        read(held)
    assert f"training_memory.pkl: {said}" in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (Harm(os.system, "touch {}"), "system"),
        (Harm(eval, "open({!r}, 'w')"), "eval"),
        (Harm(exec, "open({!r}, 'w')"), "exec"),
        (Harm(os.mkdir, "{}"), "mkdir"),
        (Decimal(1), "Decimal"),
        (datetime(2025, 11, 10, tzinfo=UTC), "datetime"),
        ({1, 2}, "set"),
        (Path("x"), ""),
        (bytearray(5), "bytearray"),
        (print, "print"),
        (b"bytes", ""),
    ],
)
def test_whatever_is_more_than_data_is_refused_by_name(read: Any, tmp_path: Path, protocol: int, harm: Any, named: str) -> None:
    """Wherever it hides, and nothing of it is carried out."""
    victim = tmp_path / "victim"
    if isinstance(harm, Harm):
        harm = Harm(harm.call, *(str(each).format(victim) for each in harm.arguments))
    for held in (harm, {"experiences": [EXPERIENCE, {"question": "?", "answer": harm}]}):
        with pytest.raises(MistakeError, match="the pickle holds more than plain values: ") as caught:
            read(held, protocol)
        assert "\n" not in str(caught.value)
        assert "save it again with float(...)" in str(caught.value)
        assert named in str(caught.value) or any(name in str(caught.value) for name in ("EMPTY_SET", "BYTEARRAY8"))
    assert not victim.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x02\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x02}(\x82\x01.",
        b"Pid\n.",
        b"\x80\x02Nb.",
        b"\x80\x02NQ.",
        b"\x80\x05\x97.",
        b"(N\x81.",
        b"(No.",
    ],
)
def test_every_operation_that_names_or_calls_is_refused(program: bytes) -> None:
    """GLOBAL, INST, STACK_GLOBAL, EXT, PERSID, BUILD, BINPERSID, NEXT_BUFFER, NEWOBJ, OBJ: written by hand, not by a pickler."""
    with pytest.raises(MistakeError, match="more than plain values"):
        pickles.plain(program)


def test_should_the_look_be_deceived_nothing_is_named_all_the_same() -> None:
    """The reader itself refuses a second time."""
    for program in (b"cos\nsystem\n.", b"Pid\n."):
        with pytest.raises(MistakeError):
            pickles._Plain(io.BytesIO(program)).load()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (b"", "is damaged"),
        (b"\x80\x04", "is damaged"),
        (b"no pickle", "is damaged"),
        (b"\x80\x63N.", "is damaged"),
        (pickle.dumps(EXPERIENCE)[:-5], "is damaged"),
        (b"Nr\xff\xff\xff\x7f.", "asks at byte 1 for 2147483647 places"),
        (b"Np99999999999\n.", "places"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", "is damaged"),
        (b"I" + b"9" * 10_000 + b"\n.", "is damaged"),
        (b"]" * 200_000 + b"a" * 199_999 + b".", "experiences"),
        (b"(" * 200_000 + b"t" * 200_000 + b".", ""),
        (b"]" * 300_000 + b".", "more than 250000 values"),
    ],
)
def test_bombs_do_not_go_off(read: Any, program: bytes, said: str) -> None:
    """Memory that a few bytes ask for, numbers that take for ever, nesting without end: refused, in a line."""
    with pytest.raises(MistakeError) as caught:
        read(program, limits=Limits(values=250_000))
    assert said in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_list_that_holds_itself_is_only_a_strange_value(read: Any) -> None:
    """And shared values, from which a few bytes make a value that takes for ever to walk, are never walked."""
    held: list[Any] = []
    held.append(held)
    with pytest.raises(MistakeError, match=r"experiences\[0\]: is no dict but list"):
        read(held)
    laughs: list[Any] = []
    for _ in range(100):
        laughs = [laughs] * 10
    assert read([{"question": "?", "laughs": laughs}]).left_out == {"laughs": 1}


def test_a_file_that_is_too_large_is_not_read(read: Any) -> None:
    """At most one byte beyond the limit is."""
    with pytest.raises(MistakeError, match="at most 100 are read"):
        read([EXPERIENCE], limits=Limits(bytes=100))


@given(PLAIN, st.sampled_from(PROTOCOLS))
def test_all_that_is_plain_is_read_as_it_was(value: object, protocol: int) -> None:
    """Whatever pickle writes of plain values comes back."""
    assert pickles.plain(pickle.dumps(value, protocol)) == value


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(program: bytes) -> None:
    """Noise ends in a value or in a line."""
    for each in (program, b"\x80\x04" + program, program + b"."):
        with contextlib.suppress(MistakeError):
            pickles.plain(each)
