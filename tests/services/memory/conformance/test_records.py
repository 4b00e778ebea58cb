"""What goes in comes out, once, and is found: of every backend."""

import asyncio

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1.memory_pb2 import Filter, Judged, Record, Use, Verified
from tandem_memory.backend import CursorError, DimensionError, EmbeddingError, TooLarge, UnknownNamespaceError

from tests.services.memory.driven import NAMESPACE, Clock, Driven, questions, record, vector

FULL = Record(
    key="w-1",
    question="What is 2 + 2? \U0001f600",
    answer="4",
    strategy=["count", "check"],
    source="cloud",
    at=Timestamp(seconds=1_700_000_000, nanos=123_456_789),
    metrics={"coherence": 0.25, "integration": -1.5},
    score=0.0,
    agreement=1.0,
    verified=Verified.VERIFIED_LABEL,
    cost_usd="0.0012",
    model="m",
    tags=["a", "b"],
    source_hash="77",
    vector=vector(0.6, 0.8, 0, 0),
)


def test_every_field_comes_back(memory: Driven) -> None:
    """A record comes back field by field, with an id and the moment that it was taken in."""
    (identifier,) = memory.ids(FULL)
    (with_vector,) = memory.get(identifier, vectors=True)
    (without,) = memory.get(identifier)
    expected = Record()
    expected.CopyFrom(FULL)
    expected.id = identifier
    expected.appended_at.CopyFrom(with_vector.appended_at)
    assert with_vector == expected
    assert with_vector.appended_at.seconds == 1_767_225_600  # the clock's 2026-01-01
    expected.ClearField("vector")
    assert without == expected


def test_what_was_handed_in_stays_as_it_was(memory: Driven) -> None:
    """The caller's messages are not written to."""
    mine = Record()
    mine.CopyFrom(FULL)
    memory.append(mine)
    assert mine == FULL


def test_what_the_writer_may_not_say(memory: Driven) -> None:
    """Id, use and the moment of taking in are the service's to say."""
    mine = record("a", id="777", use=Use(times=3), appended_at=Timestamp(seconds=1))
    (identifier,) = memory.ids(mine)
    (kept,) = memory.get(identifier)
    assert identifier != "777"
    assert kept.id == identifier
    assert not kept.use.times
    assert kept.appended_at == kept.at
    assert kept.at.seconds == 1_767_225_600


def test_one_record_for_a_key(memory: Driven) -> None:
    """Of records under one key the first counts: within a call, across calls, and after a restart."""
    first = memory.append(record("a", key="k"), record("b", key="k"), record("c"), record("d"))
    assert [each.known for each in first] == [False, True, False, False]
    assert first[0].id == first[1].id
    assert len({each.id for each in first}) == 3
    memory.again()
    (again,) = memory.append(record("e", key="k"))
    assert again.known
    assert again.id == first[0].id
    assert questions(memory.scan()) == ["a", "c", "d"]


def test_keys_are_of_their_namespace(memory: Driven) -> None:
    """The same key in another namespace is another key, and neither sees the other's records."""
    memory.append(record("here", key="k"))
    (other,) = memory.append(record("there", key="k", near=(0, 1)), namespace="other")
    assert not other.known
    assert questions(memory.scan()) == ["here"]
    assert questions([near.record for near in memory.search((0, 1), namespace="other")]) == ["there"]


def test_a_record_of_16_mib(memory: Driven) -> None:
    """The largest record that a service takes in is kept, found, watched and exported as any other."""
    answer = "\U0001f600 of 17 bytes. " * (1 << 20)
    (identifier,) = memory.ids(record("large", answer=answer))
    memory.again()
    assert memory.get(identifier)[0].answer == answer
    assert memory.search((1, 0, 0, 0), 1)[0].record.answer == answer
    assert memory.watch().changes(1)[0].appended.answer == answer
    assert memory.export()[0].answer == answer


def test_found_at_once(memory: Driven) -> None:
    """What was acknowledged is found by the next search, nearest first, with its cosine."""
    for number in range(20):
        memory.append(record(str(number), near=(1, number, 0, 0)))
        assert memory.search((1, number, 0, 0), 1)[0].record.question == str(number)
    found = memory.search((2, 0, 0, 0), 3)
    assert questions([near.record for near in found]) == ["0", "1", "2"]
    assert [near.similarity for near in found] == pytest.approx([1, 2**-0.5, 5**-0.5])


def large(number: int) -> Record:
    """A record of 9 MiB."""
    return record(f"large {number}", near=(1, number, 0, 0), answer=str(number) * (9 << 20))


def test_large_records_are_got_a_page_at_a_time(memory: Driven) -> None:
    """No more than a page is read at once; how many of the ids are left is said, and none of them is lost."""
    ids = [memory.ids(large(number))[0] for number in range(4)]
    asked, pages = [ids[0], "x", *ids[1:]], list[list[str]]()
    while asked:
        got = memory.run(memory.backend.get(NAMESPACE, asked, vectors=False))
        pages.append(questions(got.records))
        asked = asked[len(asked) - got.left :]
    assert pages == [[f"large {number}"] for number in range(4)]


def test_what_is_too_large_to_be_found_together(memory: Driven) -> None:
    """A query whose records do not fit into the answer is told so, and the others are answered."""
    for number in range(4):
        memory.append(large(number))
    memory.append(record("small", near=(0, 0, 0, 1), source="s"))
    queries = np.array([(1, 0, 0, 0)] * 2, np.float32)

    def found(k: int) -> list[object]:
        answers = memory.run(memory.backend.search(NAMESPACE, queries, k, Filter(), vectors=False))
        return [each if isinstance(each, TooLarge) else questions([near.record for near in each]) for each in answers]

    assert found(1) == [["large 0"], ["large 0"]]
    assert found(3) == [["large 0", "large 1", "large 2"], TooLarge()]
    assert found(4) == [TooLarge(), TooLarge()]


def test_found_after_a_restart(memory: Driven) -> None:
    """Searches, filters and uses are the same after a restart."""
    a, b, _ = memory.ids(record("a", source="x"), record("b", source="x", near=(0, 1, 0, 0)), record("c", source="y"))
    memory.judge(Judged(id=b, gain=1, source="y"))
    before = memory.search((1, 0, 0, 0), 10, Filter(sources=["x"], min_utility=0.5))
    memory.again()
    assert memory.search((1, 0, 0, 0), 10, Filter(sources=["x"], min_utility=0.5)) == before
    assert [near.record.id for near in before] == [b]
    assert [each.id for each in memory.get(b, a)] == [b, a]


def test_wrong_vectors(memory: Driven) -> None:
    """A vector of another dimension or origin is refused with both said, and nothing of that call is taken in."""
    with pytest.raises(DimensionError) as mixed:
        memory.append(record("a"), record("b", near=(1, 2)))
    assert (mixed.value.wanted, mixed.value.given) == (4, 2)
    with pytest.raises(UnknownNamespaceError):
        memory.scan()
    memory.append(record("a"))
    with pytest.raises(DimensionError):
        memory.append(record("b"), record("c", near=(1, 2, 3)))
    with pytest.raises(EmbeddingError) as embedded:
        memory.append(record("d"), embedding="hashed-256")
    assert (embedded.value.wanted, embedded.value.given) == ("caller", "hashed-256")
    with pytest.raises(DimensionError):
        memory.search((1, 0, 0))
    assert questions(memory.scan()) == ["a"]


def test_unknown_namespaces_and_ids(memory: Driven) -> None:
    """What was never there is told from what is not there any more."""
    for asking in (lambda: memory.get("1"), lambda: memory.search((1, 0, 0, 0)), memory.scan, memory.stats, memory.export):
        with pytest.raises(UnknownNamespaceError):
            asking()
    with pytest.raises(UnknownNamespaceError):
        memory.judge(Judged(id="1", gain=1))
    memory.append(record("there"))
    (there,) = [each.id for each in memory.scan()]
    assert questions(memory.get("x", there, "9999")) == ["there"]
    for never in ("", "0", "x", "-1", "²", "01", "9" * 30, "9999"):
        assert memory.get(never) == []
        with pytest.raises(CursorError):
            memory.judge(Judged(id=never, gain=1))
    with pytest.raises(CursorError):
        memory.run(memory.backend.scan(NAMESPACE, "elsewhere.1", 10, Filter(), vectors=False))


def test_pages(memory: Driven) -> None:
    """Pages follow each other without a gap, in the order of taking in, with and without a filter."""
    memory.append(*(record(str(number), source="even" if number % 2 == 0 else "odd") for number in range(25)))
    for limit in (1, 7, 12, 13, 25, 100):
        assert questions(memory.scan(limit=limit)) == [str(number) for number in range(25)]
        assert questions(memory.scan(Filter(sources=["odd"]), limit=limit)) == [str(number) for number in range(1, 25, 2)]
    assert all(each.vector == vector(1, 0, 0, 0) for each in memory.scan(vectors=True))


def test_many_writers_at_once(memory: Driven) -> None:
    """32 writers at once get an id for each of their records, each its own."""

    async def writer(number: int) -> list[str]:
        ids: list[str] = []
        for turn in range(8):
            done = await memory.backend.append(NAMESPACE, [record(f"{number}/{turn}", key=f"{number}/{turn}")], embedding="caller")
            ids.append(done[0].id)
        return ids

    async def all_of_them() -> list[str]:
        return [each for ids in await asyncio.gather(*(writer(number) for number in range(32))) for each in ids]

    ids = memory.run(all_of_them())
    assert len(set(ids)) == 256
    assert [each.question for each in memory.get(*ids)] == [f"{number}/{turn}" for number in range(32) for turn in range(8)]


def test_a_writer_that_goes_away(memory: Driven) -> None:
    """A call that is given up disturbs nobody else's."""

    async def given_up() -> None:
        leaving = asyncio.create_task(memory.backend.append(NAMESPACE, [record("left", key="l")], embedding="caller"))
        staying = asyncio.create_task(memory.backend.append(NAMESPACE, [record("stayed")], embedding="caller"))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying

    memory.run(given_up())
    memory.append(record("left", key="l"))
    assert sorted(questions(memory.scan())) == ["left", "stayed"]


def test_a_page_of_large_records(memory: Driven) -> None:
    """A page holds no more than is sent with ease, whatever was asked for; a single record comes whatever its size."""
    sizes = [1 << 20] * 18 + [17 << 20] + [1 << 20] * 2
    for number, size in enumerate(sizes):
        memory.append(record(str(number), answer="x" * size))
    pages, cursor = list[list[str]](), ""
    while not pages or cursor:
        page = memory.run(memory.backend.scan(NAMESPACE, cursor, 1000, Filter(), vectors=False))
        pages.append(questions(page.records))
        cursor = page.cursor
    assert pages == [[str(number) for number in part] for part in (range(15), range(15, 18), [18], [19, 20])]


def test_time_does_not_go_back(memory: Driven, clock: Clock) -> None:
    """When the clock goes back, records are taken in no earlier than those before them, also after a restart."""
    moments: list[int] = []
    for step in (0, 10, -3600, 5):
        clock.go(step)
        memory.again()
        (identifier,) = memory.ids(record())
        moments.append(memory.get(identifier)[0].appended_at.seconds)
    assert moments == [1_767_225_600, 1_767_225_610, 1_767_225_610, 1_767_225_610]


def test_namespaces_are_listed(memory: Driven) -> None:
    """By name, with how many records each has, their dimension and what embeds them."""
    memory.append(record(), record(), namespace="b")
    memory.append(record(near=(1, 0)), namespace="a", embedding="hashed-2")
    listed = memory.run(memory.backend.namespaces())
    told = [(each.name, each.records, each.dimension, each.embedding) for each in listed]
    assert told == [("a", 1, 2, "hashed-2"), ("b", 2, 4, "caller")]
