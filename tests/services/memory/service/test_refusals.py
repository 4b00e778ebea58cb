"""What is refused, with which status and in which words; and that what was refused did nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem_memory.backend import StoreFullError, StoreUnsureError
from tandem_memory.embedded import Embedded

from tests.services.memory.service.conftest import Running, Start, append, record, refusal, vector

Code = grpc.StatusCode


@pytest.fixture
def running(start: Start) -> Running:
    made = start()
    made.stub.Append(append(record("a"), namespace="texts"))
    made.stub.Append(append(record(vector=vector(1, 2)), namespace="vectors"))
    return made


CALLS: dict[str, tuple[Callable[[Any], object], grpc.StatusCode, str, str | None]] = {
    "a namespace that is none": (lambda stub: stub.Append(append(record(), namespace="A")), Code.INVALID_ARGUMENT, "'A'", "namespace"),
    "a score out of range": (
        lambda stub: stub.Append(append(record(), record(score=2))),
        Code.INVALID_ARGUMENT,
        "2.0 is not within 0 to 1",
        "records[1].score",
    ),
    "a vector for a namespace of texts": (
        lambda stub: stub.Append(append(record(vector=vector(1, 0, 0, 0)), namespace="texts")),
        Code.INVALID_ARGUMENT,
        "embedded by caller, namespace 'texts' is embedded by letters",
        "records",
    ),
    "a text for a namespace of vectors": (
        lambda stub: stub.Append(append(record("a"), namespace="vectors")),
        Code.INVALID_ARGUMENT,
        "embedded by letters, namespace 'vectors' is embedded by caller",
        "records",
    ),
    "a vector of another dimension": (
        lambda stub: stub.Append(append(record(vector=vector(1, 2)), record(vector=vector(1, 2, 3)), namespace="vectors")),
        Code.INVALID_ARGUMENT,
        "3 dimensions, namespace 'vectors' has 2",
        "records[1].vector",
    ),
    "a query of another dimension": (
        lambda stub: stub.Search(pb.SearchRequest(namespace="vectors", queries=[pb.Query(vector=vector(1, 2, 3))])),
        Code.INVALID_ARGUMENT,
        "3 dimensions, namespace 'vectors' has 2",
        "queries[0].vector",
    ),
    "a text that cannot be embedded alike": (
        lambda stub: stub.Search(pb.SearchRequest(namespace="vectors", queries=[pb.Query(text="a")])),
        Code.INVALID_ARGUMENT,
        "embedded by letters, namespace 'vectors' is embedded by caller",
        "queries",
    ),
    "a vector that is not a number": (
        lambda stub: stub.Search(pb.SearchRequest(namespace="vectors", queries=[pb.Query(vector=vector(1, float("nan")))])),
        Code.INVALID_ARGUMENT,
        "nan at 1",
        "queries[0].vector",
    ),
    "a cursor of nobody's": (
        lambda stub: stub.Scan(pb.ScanRequest(namespace="texts", cursor="yesterday")),
        Code.INVALID_ARGUMENT,
        "send what this service gave",
        "cursor",
    ),
    "a watch from a cursor of nobody's": (
        lambda stub: next(stub.Watch(pb.WatchRequest(namespace="texts", cursor="yesterday"))),
        Code.INVALID_ARGUMENT,
        "send what this service gave",
        "cursor",
    ),
    "a judgement of nothing": (
        lambda stub: stub.Feedback(pb.FeedbackRequest(namespace="texts", judged=[pb.Judged(id="yesterday")])),
        Code.INVALID_ARGUMENT,
        "send what this service gave",
        "judged",
    ),
    "an address that is none": (lambda stub: stub.Backup(pb.BackupRequest(uri="gopher://x")), Code.INVALID_ARGUMENT, "gopher", "uri"),
    "a place that is not there": (
        lambda stub: stub.Backup(pb.BackupRequest(uri="file:///proc/nothing")),
        Code.RESOURCE_EXHAUSTED,
        "cannot be written: no folder can be made there (No such file or directory): use a directory on a disk",
        None,
    ),
    "a judgement that is no number": (
        lambda stub: stub.Feedback(pb.FeedbackRequest(namespace="texts", judged=[pb.Judged(id="1", gain=float("nan"))])),
        Code.INVALID_ARGUMENT,
        "nan is not within -1 to 1; give how much better it went, 0 for no better, or do not judge",
        "judged[0].gain",
    ),
    "a time that ends before it begins": (
        lambda stub: stub.Stats(pb.StatsRequest(namespace="texts", filter=pb.Filter(since={"seconds": 9}, until={"seconds": 8}))),
        Code.INVALID_ARGUMENT,
        "1970-01-01T00:00:09Z is after filter.until 1970-01-01T00:00:08Z; nothing was made between them",
        "filter.since",
    ),
    "a prune that says nothing": (
        lambda stub: stub.Prune(pb.PruneRequest(namespace="texts")),
        Code.INVALID_ARGUMENT,
        "say what is to go",
        "keep_best",
    ),
    "an import that is wrong": (
        lambda stub: stub.Import(iter([pb.ImportRequest(namespace="texts", records=[pb.Record()])])),
        Code.INVALID_ARGUMENT,
        "absent, and there is no vector",
        "records[0].question",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_what_is_wrong_is_said(running: Running, case: str) -> None:
    """One line with the field, the value and the fix, and it is counted."""
    call, code, said, field = CALLS[case]
    got, line, named = refusal(lambda: call(running.stub))
    assert (got, named) == (code, field)
    assert said in line
    names = {sample.labels["call"]: sample.value for sample in _samples(running, "tandem_memory_refused_calls_total")}
    assert list(names.values()) == [1]


def _samples(running: Running, name: str) -> list[Any]:
    return [sample for family in running.parts.figures.registry.collect() for sample in family.samples if sample.name == name]


@pytest.mark.parametrize(
    "ask",
    [
        lambda stub: stub.Search(pb.SearchRequest(namespace="nowhere", queries=[pb.Query(text="a")])),
        lambda stub: stub.Get(pb.GetRequest(namespace="nowhere", ids=["1"])),
        lambda stub: stub.Scan(pb.ScanRequest(namespace="nowhere")),
        lambda stub: stub.Stats(pb.StatsRequest(namespace="nowhere")),
        lambda stub: stub.Prune(pb.PruneRequest(namespace="nowhere", keep_best=1)),
        lambda stub: stub.Feedback(pb.FeedbackRequest(namespace="nowhere", judged=[pb.Judged(id="1")])),
        lambda stub: list(stub.Export(pb.ExportRequest(namespace="nowhere"))),
    ],
)
def test_a_namespace_that_is_not_there_is_named(running: Running, ask: Callable[[Any], object]) -> None:
    """Reading begins nothing; the first record does."""
    code, line, field = refusal(lambda: ask(running.stub))
    assert (code, field) == (Code.NOT_FOUND, "namespace")
    assert "'nowhere' is not there yet" in line
    assert [each.name for each in running.stub.ListNamespaces(pb.ListNamespacesRequest()).namespaces] == ["texts", "vectors"]


def test_a_refused_request_ends_its_stream(running: Running) -> None:
    """With the answers to all before it, and none behind."""
    requests = [append(record(key="1")), append(record(key="2")), append(record(score=2)), append(record(key="4"))]
    seen: list[pb.AppendResponse] = []
    code, _, field = refusal(lambda: seen.extend(running.stub.AppendStream(iter(requests))))
    assert (code, field) == (Code.INVALID_ARGUMENT, "records[0].score")
    answers = running.stub.AppendStream(iter(requests))
    assert [len(next(answers).ids) for _ in range(2)] == [1, 1]
    with pytest.raises(grpc.RpcError):
        next(answers)


def test_a_large_record_is_taken_up_to_a_limit(running: Running) -> None:
    """16 MiB of it; beyond that the line has both numbers. What no message can hold is refused by gRPC, which says both, too."""
    most = 16 * 1024 * 1024
    fits = record("a", answer="x" * (most - 100))
    assert running.stub.Append(append(fits, namespace="texts")).ids
    code, line, field = refusal(lambda: running.stub.Append(append(record("a", answer="x" * most), namespace="texts")))
    assert (code, field) == (Code.INVALID_ARGUMENT, "records[0]")
    assert f"at most {most} are taken (TANDEM_MEMORY_MOST_RECORD_BYTES)" in line
    code, line, _ = refusal(lambda: running.stub.Append(append(*[fits] * 4, record("b", answer="x" * 10_000))))
    assert code is Code.RESOURCE_EXHAUSTED
    assert "67108864" in line


class Full(Embedded):
    """A store on a disk that is full: nothing else can make it so on every machine."""

    async def append(self, namespace: str, records: Sequence[pb.Record], *, embedding: str) -> Any:
        if namespace == "unsure":
            msg = "the disk broke off a write"
            raise StoreUnsureError(msg)
        if namespace == "full":
            msg = "No space left on device"
            raise StoreFullError(msg)
        return await super().append(namespace, records, embedding=embedding)


def test_a_full_disk_is_said_and_reading_goes_on(start: Start, loop: Any, tmp_path: Path) -> None:
    """Appends are refused with their own status; searches are answered as before."""

    async def opened() -> Full:
        return Full(tmp_path / "full")

    import asyncio

    stub = start(backend=asyncio.run_coroutine_threadsafe(opened(), loop).result()).stub
    stub.Append(append(record("a")))
    code, line, _ = refusal(lambda: stub.Append(append(record("b"), namespace="full")))
    assert code is Code.RESOURCE_EXHAUSTED
    assert line.startswith("append: the disk is full or may not be written (No space left on device)")
    code, line, _ = refusal(lambda: stub.Append(append(record("b"), namespace="unsure")))
    assert code == Code.UNAVAILABLE
    assert line.startswith("append: it is written, and whether it would outlive a power cut is not known (the disk broke off a write)")
    assert stub.Search(pb.SearchRequest(namespace="n", queries=[pb.Query(text="a")])).found[0].hits
