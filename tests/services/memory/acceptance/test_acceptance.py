"""What is taken in, and how what is not is named: one line with field, value and fix."""

from typing import Any

import numpy as np
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tandem.memory.v1 import memory_pb2 as pb
from tandem_memory import acceptance
from tandem_memory.acceptance import Limits, UnacceptableError

NAN, INFINITE = float("nan"), float("inf")


def vector(*floats: float) -> bytes:
    return np.array(floats, "<f4").tobytes()


def append(namespace: str = "team/run", **fields: Any) -> pb.AppendRequest:
    return pb.AppendRequest(namespace=namespace, records=[pb.Record(**{"question": "?", **fields})])


def search(namespace: str = "n", **fields: Any) -> pb.SearchRequest:
    return pb.SearchRequest(**{"namespace": namespace, "queries": [pb.Query(text="?")], **fields})


FULL = pb.Record(
    key="k" * 128,
    question="?" * 100_000,
    answer="!",
    strategy=["count twice"],
    source="cloud",
    at=Timestamp(seconds=-62_135_596_800),
    metrics={"coherence": -1e300},
    score=1,
    agreement=0,
    verified=pb.VERIFIED_LABEL,
    cost_usd="12.000001",
    model="m",
    tags=["t"],
    source_hash="f" * 64,
    vector=vector(1e-10, 3),
)
FILTER = pb.Filter(
    sources=["cloud"],
    tags=["t"],
    min_score=0.5,
    max_score=0.5,
    metrics=[pb.MetricRange(metric="coherence", min=-INFINITE, max=0)],
    since=Timestamp(seconds=1),
    verified=[pb.VERIFIED_UNSPECIFIED],
    min_utility=-1,
)


def test_all_that_the_wire_has_is_taken() -> None:
    """Records with every field at its bounds, and requests that ask for everything that can be asked."""
    acceptance.check_append(pb.AppendRequest(namespace="a", records=[FULL] * 4096), Limits())
    acceptance.check_append(append(vector=vector(1), question=""), Limits())
    used = pb.Record(question="?", id="7", use=pb.Use(times=3, gain=-3, by_source={"x": 1}), appended_at=Timestamp(seconds=5))
    acceptance.check_import(pb.ImportRequest(namespace="a", records=[used]), Limits())
    acceptance.check_search(search(k=1000, filter=FILTER, queries=[pb.Query(vector=vector(1))] * 256))
    acceptance.check_scan(pb.ScanRequest(namespace="a", limit=1000, cursor="c", filter=FILTER))
    acceptance.check_prune(pb.PruneRequest(namespace="a", keep_best=0, per_source=True))
    acceptance.check_feedback(pb.FeedbackRequest(namespace="a", judged=[pb.Judged(id="1", gain=-1)]))


def test_a_cursor_may_name_every_log_of_a_cluster() -> None:
    """Each start of each replica begins some, and a cursor says how far each has been read."""
    cursor = ",".join(["0" * 12, *(f"{number:012x}.0-{number + 1}" for number in range(1000))])
    acceptance.check_scan(pb.ScanRequest(namespace="a", cursor=cursor))
    acceptance.check_watch(pb.WatchRequest(namespace="a", cursor=cursor))


@pytest.mark.parametrize("name", ["a", "a.b-c_d/e/0", "x" * 200])
def test_a_name_is_a_name(name: str) -> None:
    """Lower-case, with single separators in between."""
    acceptance.check_append(append(name), Limits())


@pytest.mark.parametrize("name", ["", "A", "a b", "/a", "a/", "a//b", "../a", "a..b", "-a", "é", "x" * 201, "a\n"])
def test_what_is_no_name_is_said(name: str) -> None:
    """The field is always namespace."""
    with pytest.raises(UnacceptableError) as caught:
        acceptance.check_append(append(name), Limits())
    assert caught.value.field == "namespace"


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"id": "7"}, "id", "set by the service"),
        ({"use": pb.Use()}, "use", "set by the service"),
        ({"appended_at": Timestamp()}, "appended_at", "set by the service"),
        ({"key": "é" * 65}, "key", "130 bytes; use at most 128"),
        ({"question": ""}, "question", "absent"),
        ({"source": "s" * 129}, "source", "129 characters"),
        ({"tags": ["a", ""]}, "tags[1]", "empty"),
        ({"tags": ["t"] * 257}, "tags", "257 items"),
        ({"strategy": ["s"] * 257}, "strategy", "257 items"),
        ({"at": Timestamp(seconds=253_402_300_800)}, "at", "253402300800 s"),
        ({"at": Timestamp(nanos=-1)}, "at", "-1 ns"),
        ({"metrics": {"m": NAN}}, "metrics['m']", "nan is not a finite number"),
        ({"metrics": {"": 1}}, "metrics[0]", "empty"),
        ({"score": 1.5}, "score", "1.5 is not within 0 to 1"),
        ({"score": NAN}, "score", "nan is not within"),
        ({"agreement": -0.1}, "agreement", "-0.1 is not within 0 to 1"),
        ({"verified": 9}, "verified", "9 is no kind of proof; use VERIFIED_UNSPECIFIED, "),
        ({"cost_usd": "1e3"}, "cost_usd", "'1e3' is no decimal"),
        ({"cost_usd": "-1"}, "cost_usd", "'-1' is no decimal"),
        ({"vector": b"12345"}, "vector", "5 bytes are no whole number"),
        ({"vector": vector(*[1] * 8193)}, "vector", "8193 dimensions; use 1 to 8192"),
        ({"vector": vector(1, NAN)}, "vector", "nan at 1 is not a finite number"),
        ({"vector": vector(INFINITE)}, "vector", "inf at 0 is not a finite number"),
        ({"vector": vector(3e38, 3e38)}, "vector", "scale it to length 1"),
        ({"vector": vector(0, 0)}, "vector", "points nowhere"),
    ],
)
def test_a_record_that_cannot_be_used_is_named(fields: dict[str, Any], field: str, said: str) -> None:
    """Whichever record of a request it is: its place is said, too."""
    well = vector(*[1] * min(len(fields.get("vector", b"")) // 4, 8192))  # of the same length where it may be: looked at together
    request = pb.AppendRequest(namespace="n", records=[pb.Record(question="?", vector=well)])
    request.records.add(**{"question": "?", **fields})
    with pytest.raises(UnacceptableError) as caught:
        acceptance.check_append(request, Limits())
    assert caught.value.field == f"records[1].{field}"
    assert said in caught.value.problem
    assert "\n" not in str(caught.value)


def test_a_request_has_one_kind_of_record() -> None:
    """Vectors for all or for none; as many as the wire says; none larger than the service takes, with both numbers."""
    mixed = append()
    mixed.records.add(vector=vector(1))
    with pytest.raises(UnacceptableError, match=r"records\[1\]\.vector: one record with and one without"):
        acceptance.check_append(mixed, Limits())
    for count in (0, 4097):
        with pytest.raises(UnacceptableError, match=f"records: {count} records; send 1 to 4096"):
            acceptance.check_append(pb.AppendRequest(namespace="n", records=[pb.Record(question="?")] * count), Limits())
    acceptance.check_append(append(answer="x" * 900), Limits(record_bytes=1000))
    with pytest.raises(UnacceptableError, match=r"records\[0\]: 110\d bytes; at most 1000 are taken"):
        acceptance.check_append(append(answer="x" * 1100), Limits(record_bytes=1000))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"use": pb.Use(gain=NAN)}, "records[0].use.gain"),
        ({"appended_at": Timestamp(nanos=1_000_000_000)}, "records[0].appended_at"),
        ({"use": pb.Use(by_source={"": 1})}, "records[0].use.by_source[0]"),
        ({"use": pb.Use(times=2**53 + 1)}, "records[0].use.times"),
        ({"use": pb.Use(by_source={"x": 2**64 - 1})}, "records[0].use.by_source['x']"),
        ({"use": pb.Use(times=1, gain=7)}, "records[0].use.gain"),
        ({"use": pb.Use(gain=-0.5)}, "records[0].use.gain"),
        ({"use": pb.Use(times=2, by_source={"x": 2, "y": 1})}, "records[0].use.by_source"),
    ],
)
def test_what_comes_out_of_an_export_is_checked_as_well(fields: dict[str, Any], field: str) -> None:
    """It may have been edited on the way."""
    with pytest.raises(UnacceptableError) as caught:
        acceptance.check_import(pb.ImportRequest(namespace="n", records=[pb.Record(question="?", **fields)]), Limits())
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"k": 1001}, "k"),
        ({"queries": []}, "queries"),
        ({"queries": [pb.Query(text="?")] * 257}, "queries"),
        ({"queries": [pb.Query()]}, "queries[0]"),
        ({"queries": [pb.Query(text="?"), pb.Query(vector=vector(1))]}, "queries[1]"),
        ({"queries": [pb.Query(vector=vector(NAN))]}, "queries[0].vector"),
        ({"filter": pb.Filter(sources=[""])}, "filter.sources[0]"),
        ({"filter": pb.Filter(tags=["t" * 129])}, "filter.tags[0]"),
        ({"filter": pb.Filter(min_score=NAN)}, "filter.min_score"),
        ({"filter": pb.Filter(min_score=0.6, max_score=0.5)}, "filter.min_score"),
        ({"filter": pb.Filter(min_score=1.5)}, "filter.min_score"),
        ({"filter": pb.Filter(max_score=-0.5)}, "filter.max_score"),
        ({"filter": pb.Filter(min_utility=INFINITE)}, "filter.min_utility"),
        ({"filter": pb.Filter(min_utility=1.01)}, "filter.min_utility"),
        ({"filter": pb.Filter(min_agreement=7)}, "filter.min_agreement"),
        ({"filter": pb.Filter(min_agreement=NAN)}, "filter.min_agreement"),
        ({"filter": pb.Filter(metrics=[pb.MetricRange()])}, "filter.metrics[0].metric"),
        ({"filter": pb.Filter(metrics=[pb.MetricRange(metric="m", min=NAN)])}, "filter.metrics[0]"),
        ({"filter": pb.Filter(metrics=[pb.MetricRange(metric="m", min=2, max=1)])}, "filter.metrics[0].min"),
        ({"filter": pb.Filter(metrics=[pb.MetricRange(metric="m")] * 257)}, "filter.metrics"),
        ({"filter": pb.Filter(until=Timestamp(nanos=-5))}, "filter.until"),
        ({"filter": pb.Filter(verified=[8])}, "filter.verified[0]"),  # pyright: ignore[reportArgumentType]
        ({"filter": pb.Filter(not_source_hash="h" * 129)}, "filter.not_source_hash"),
    ],
)
def test_a_search_that_cannot_be_meant_is_named(fields: dict[str, Any], field: str) -> None:
    """Queries, their number, and filters that nothing can match."""
    with pytest.raises(UnacceptableError) as caught:
        acceptance.check_search(search(**fields))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("check", "request_", "field"),
    [
        ("get", pb.GetRequest(namespace="n"), "ids"),
        ("get", pb.GetRequest(namespace="n", ids=["1"] * 1001), "ids"),
        ("get", pb.GetRequest(namespace="n", ids=["1" * 129]), "ids[0]"),
        ("scan", pb.ScanRequest(namespace="n", limit=1001), "limit"),
        ("scan", pb.ScanRequest(namespace="n", cursor="c" * 65_537), "cursor"),
        ("watch", pb.WatchRequest(namespace="n", cursor="1", only_new=True), "only_new"),
        ("prune", pb.PruneRequest(namespace="n"), "keep_best"),
        ("prune", pb.PruneRequest(namespace="n", harmful_after=0), "harmful_after"),
        ("prune", pb.PruneRequest(namespace="n", harmful_after=1, per_source=True), "per_source"),
        ("prune", pb.PruneRequest(namespace="n", before=Timestamp(nanos=-1)), "before"),
        ("feedback", pb.FeedbackRequest(namespace="n"), "judged"),
        ("feedback", pb.FeedbackRequest(namespace="n", judged=[pb.Judged()]), "judged[0].id"),
        ("feedback", pb.FeedbackRequest(namespace="n", judged=[pb.Judged(id="1", gain=1.1)]), "judged[0].gain"),
        ("feedback", pb.FeedbackRequest(namespace="n", judged=[pb.Judged(id="1", gain=NAN)]), "judged[0].gain"),
        ("feedback", pb.FeedbackRequest(namespace="n", judged=[pb.Judged(id="1", key="k" * 129)]), "judged[0].key"),
        ("named", pb.StatsRequest(), "namespace"),
        ("named", pb.ExportRequest(namespace="n", filter=pb.Filter(min_score=NAN)), "filter.min_score"),
    ],
)
def test_other_requests_that_cannot_be_meant_are_named(check: str, request_: Any, field: str) -> None:
    """A prune that says nothing removes nothing."""
    with pytest.raises(UnacceptableError) as caught:
        getattr(acceptance, f"check_{check}")(request_)
    assert caught.value.field == field
