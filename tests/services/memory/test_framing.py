"""Fields put together by hand are what protobuf makes of the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.memory.v1.memory_pb2 import Record
from tandem_memory.framing import field


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_a_field_is_as_protobuf_writes_it(size: int) -> None:
    """On both sides of where a length takes a byte more, for a number of one byte and for one of two."""
    assert field(Record.QUESTION_FIELD_NUMBER, b"q" * size) == Record(question="q" * size).SerializeToString()
    assert field(Record.VECTOR_FIELD_NUMBER, b"v" * size) == Record(vector=b"v" * size).SerializeToString()


@given(st.text(), st.text(min_size=1))
def test_what_is_put_behind_a_message_is_in_it(question: str, identifier: str) -> None:
    """As a record's id is, which it is kept without."""
    kept = Record(question=question, score=0.5).SerializeToString()
    assert Record.FromString(kept + field(Record.ID_FIELD_NUMBER, identifier.encode())) == Record(
        id=identifier, question=question, score=0.5
    )
