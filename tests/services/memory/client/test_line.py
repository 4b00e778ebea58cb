"""The memory of a stream that may break: nothing is lost, skipped or sent out of order."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from tandem.memory.v1 import memory_pb2 as wire
from tandem_memory.client.streams.line import Line

DEEDS = st.lists(st.sampled_from(["put", "put", "put", "take", "take", "answer", "break"]), max_size=200)


def line() -> Line[wire.Query, tuple[str, ...]]:
    return Line(_texts, most=3, requests=2)


def _texts(batch: Sequence[wire.Query]) -> tuple[str, ...]:
    return tuple(query.text for query in batch)


@given(DEEDS)
def test_whatever_happens_every_item_is_answered_once_in_its_order(deeds: list[str]) -> None:
    """A service that takes each request at most once per stream sees all items in order, however often the stream breaks."""
    made, put, heard, sent = line(), 0, [], []
    for deed in [*deeds, *["take", "answer"] * 200]:
        if deed == "put":
            made.put(wire.Query(text=str(put)))
            put += 1
        elif deed == "take" and (request := made.take()):
            sent.append(request)
        elif deed == "answer" and sent:
            assert tuple(query.text for query in made.oldest()) == sent[0]
            heard += sent.pop(0)
            made.answered()
        elif deed == "break":
            made.begin()
            sent.clear()
        assert len(sent) <= 2
        assert len(made) == put - len(heard)
    assert heard == [str(n) for n in range(put)]


@given(st.lists(st.integers(0, 3_000_000), max_size=12))
def test_requests_keep_within_their_limits(sizes: list[int]) -> None:
    """By count and by bytes; an item that is larger than a request may be goes alone."""
    made = line()
    for size in sizes:
        made.put(wire.Query(text="x" * size))
    while request := made.take():
        assert len(request) <= 3
        assert len(request) == 1 or sum(map(len, request)) <= 2 * 1024 * 1024
        made.answered()
    assert not len(made)


def test_a_line_that_is_full_says_so() -> None:
    """Memory is bounded: by items, and by bytes."""
    many, large = line(), line()
    for _ in range(5):
        many.put(wire.Query(text="x"))
    assert not many.full
    many.put(wire.Query(text="x"))
    assert many.full
    large.put(wire.Query(text="x" * 5_000_000))
    assert large.full


def test_only_items_of_one_kind_go_together() -> None:
    """In the order that they were put."""
    made = Line[wire.Query, tuple[str, ...]](_texts, most=3, kind=lambda query: bool(query.vector))
    for text, vector in (("a", b""), ("b", b""), ("c", b"...."), ("d", b""), ("e", b""), ("f", b""), ("g", b"")):
        made.put(wire.Query(vector=vector) if vector else wire.Query(text=text))
    assert [made.take() for _ in range(5)] == [("a", "b"), ("",), ("d", "e", "f"), ("g",), None]
