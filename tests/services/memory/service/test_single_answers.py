"""Queries and ids are answered one by one: what is wrong with one of them is said of that one."""

from tandem.memory.v1 import memory_pb2 as pb

from tests.services.memory.service.conftest import Start, append, record

MIB = 1 << 20


def test_what_is_not_there_is_left_out(start: Start) -> None:
    """Whether it was removed, comes later or is no id at all."""
    stub = start().stub
    ids = stub.Append(append(record("a"), record("b"))).ids
    got = stub.Get(pb.GetRequest(namespace="n", ids=[ids[1], "yesterday", "99", ids[0]]))
    assert ([each.question for each in got.records], got.left) == (["b", "a"], 0)


def test_a_thousand_large_records_are_got_page_by_page(start: Start) -> None:
    """An answer holds 16 MiB, whatever was asked for."""
    stub = start().stub
    ids = [stub.Append(append(record("a", answer="x" * 12 * MIB))).ids[0] for _ in range(3)]
    got = stub.Get(pb.GetRequest(namespace="n", ids=[*ids, *ids * 300]))
    assert ([each.id for each in got.records], got.left) == ([ids[0]], 902)


def test_a_text_without_a_word(start: Start) -> None:
    """Its query is refused, in its place; so it is where it stands alone, and a stream goes on."""
    stub = start().stub
    stub.Append(append(record("a"), record("b")))
    asked = pb.SearchRequest(namespace="n", k=1, queries=[pb.Query(text=text) for text in ("a", "", "b", " ")])
    alone = pb.SearchRequest(namespace="n", queries=[pb.Query(text="")])
    for answer in (stub.Search(asked), *stub.SearchStream(iter([asked, asked]))):
        assert [[hit.record.question for hit in found.hits] for found in answer.found] == [["a"], [], ["b"], []]
        assert [found.refused for found in answer.found] == [
            "",
            "'' has no word to be found by; say more, or send a vector",
            "",
            "' ' has no word to be found by; say more, or send a vector",
        ]
    (found,) = stub.Search(alone).found
    assert found.refused


def test_records_that_are_too_large_together(start: Start) -> None:
    """What they are, and what to ask for instead; nobody is refused for what somebody else asked."""
    stub = start().stub
    for _ in range(3):
        stub.Append(append(record("a", answer="x" * 12 * MIB)))
    query = pb.Query(text="a")
    (found,) = stub.Search(pb.SearchRequest(namespace="n", queries=[query], with_vectors=True)).found
    assert found.refused == "its 10 nearest records are more than an answer holds (32 MiB); ask for fewer (k) or no vectors"
    first, second = stub.Search(pb.SearchRequest(namespace="n", queries=[query, query], k=2)).found
    assert (len(first.hits), first.refused) == (2, "")
    assert second.refused.endswith("ask for fewer (k) or this query by itself")
    calls = [stub.Search.future(pb.SearchRequest(namespace="n", queries=[query], k=2)) for _ in range(8)]
    assert [len(call.result().found[0].hits) for call in calls] == [2] * 8
