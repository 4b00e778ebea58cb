"""What is refused, with which status and in which words; and that what was refused did nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem_memory.backend import StoreFullError
from tandem_memory.embedded import Embedded
from tandem_memory.rights import Grant, Right, Rights
from tandem_rpc import refused_field
from tandem_rpc.verifiers.token_folder import TokenFolder

from tests.services.memory.service.conftest import Running, Start, append, record, vector

Code = grpc.StatusCode


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str, str | None]:
    """Code, line and field."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    assert "\n" not in error.details()
    return error.code(), error.details(), refused_field(error)


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
        lambda stub: stub.Append(append(record(vector=vector(1, 2, 3)), namespace="vectors")),
        Code.INVALID_ARGUMENT,
        "3 dimensions, namespace 'vectors' has 2",
        "records",
    ),
    "a query of another dimension": (
        lambda stub: stub.Search(pb.SearchRequest(namespace="vectors", queries=[pb.Query(vector=vector(1, 2, 3))])),
        Code.INVALID_ARGUMENT,
        "3 dimensions, namespace 'vectors' has 2",
        "queries",
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
        Code.FAILED_PRECONDITION,
        "backup: ",
        None,
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
    assert stub.Search(pb.SearchRequest(namespace="n", queries=[pb.Query(text="a")])).found[0].hits


RIGHTS = Rights(
    grants=(
        Grant(who="token:worker", namespaces=("team/*",), may=Right.APPEND),
        Grant(who="token:worker", namespaces=("shared",), may=Right.READ),
        Grant(who="token:chief", namespaces=("*",), may=Right.ADMIN),
    ),
    told_apart=True,
)


class Given:
    """Rights that may be changed."""

    def __init__(self) -> None:
        self.now = RIGHTS

    def __call__(self) -> Rights:
        return self.now


@pytest.fixture
def given() -> Given:
    return Given()


@pytest.fixture
def told_apart(start: Start, tmp_path: Path, given: Given) -> Callable[[str], Any]:
    """A stub for each caller of one service with rights."""
    folder = tmp_path / "tokens"
    folder.mkdir()
    for name in ("worker", "chief", "stranger"):
        (folder / name).write_text(f"secret-of-{name}\n")
    running = start(server={"verifier": TokenFolder(folder)}, rights=given)

    def as_(name: str) -> Any:
        from tandem.memory.v1.memory_pb2_grpc import MemoryServiceStub
        from tandem_rpc import channel

        return MemoryServiceStub(channel(f"127.0.0.1:{running.server.port}", token_file=folder / name))

    return as_


def test_everybody_may_do_what_was_granted(told_apart: Callable[[str], Any]) -> None:
    """In their own namespaces, and see no more than those."""
    worker, chief, stranger = map(told_apart, ("worker", "chief", "stranger"))
    for namespace in ("shared", "team/run", "other"):
        chief.Append(append(record("a"), namespace=namespace))
    worker.Append(append(record("b"), namespace="team/run"))
    worker.Search(pb.SearchRequest(namespace="shared", queries=[pb.Query(text="a")]))
    listed = pb.ListNamespacesRequest()
    assert [each.name for each in worker.ListNamespaces(listed).namespaces] == ["shared", "team/run"]
    assert [each.name for each in chief.ListNamespaces(listed).namespaces] == ["other", "shared", "team/run"]
    assert not stranger.ListNamespaces(listed).namespaces
    assert chief.Check(pb.CheckRequest()).records == 4


DENIED: dict[str, Callable[[Any], object]] = {
    "append where one may read": lambda stub: stub.Append(append(record(), namespace="shared")),
    "append in a stream where one may read": lambda stub: next(stub.AppendStream(iter([append(record(), namespace="shared")]))),
    "search elsewhere": lambda stub: stub.Search(pb.SearchRequest(namespace="other", queries=[pb.Query(text="a")])),
    "search elsewhere in a stream": lambda stub: next(
        stub.SearchStream(iter([pb.SearchRequest(namespace="other", queries=[pb.Query(text="a")])]))
    ),
    "get elsewhere": lambda stub: stub.Get(pb.GetRequest(namespace="other", ids=["1"])),
    "scan elsewhere": lambda stub: stub.Scan(pb.ScanRequest(namespace="other")),
    "watch elsewhere": lambda stub: next(stub.Watch(pb.WatchRequest(namespace="other"))),
    "count elsewhere": lambda stub: stub.Stats(pb.StatsRequest(namespace="other")),
    "export elsewhere": lambda stub: next(stub.Export(pb.ExportRequest(namespace="other"))),
    "judge where one may read": lambda stub: stub.Feedback(pb.FeedbackRequest(namespace="shared", judged=[pb.Judged(id="1")])),
    "prune without being admin": lambda stub: stub.Prune(pb.PruneRequest(namespace="team/run", keep_best=0)),
    "import without being admin": lambda stub: stub.Import(iter([pb.ImportRequest(namespace="team/run", records=[record()])])),
    "check without being admin": lambda stub: stub.Check(pb.CheckRequest()),
    "back up without being admin": lambda stub: stub.Backup(pb.BackupRequest(uri="file:///tmp/never")),
}


@pytest.mark.parametrize("case", DENIED)
def test_nobody_may_do_more(told_apart: Callable[[str], Any], case: str) -> None:
    """Who is denied is told who they are, what they wanted and where."""
    chief = told_apart("chief")
    for namespace in ("shared", "team/run", "other"):
        chief.Append(append(record("a"), namespace=namespace))
    code, line, _ = refusal(lambda: DENIED[case](told_apart("worker")))
    assert code is Code.PERMISSION_DENIED
    assert "token:worker" in line
    assert chief.Stats(pb.StatsRequest(namespace="team/run")).records == 1
    assert chief.Stats(pb.StatsRequest(namespace="shared")).records == 1


def test_a_right_that_is_taken_away_ends_what_it_began(told_apart: Callable[[str], Any], given: Given) -> None:
    """Streams, too: with the next request, or with the next change that would be told."""
    worker, chief = told_apart("worker"), told_apart("chief")
    chief.Append(append(record("a"), namespace="team/run"))
    watch = worker.Watch(pb.WatchRequest(namespace="team/run"))
    next(watch)
    given.now = Rights(grants=RIGHTS.grants[1:], told_apart=True)
    chief.Append(append(record("b"), namespace="team/run"))
    assert refusal(lambda: next(watch))[0] is Code.PERMISSION_DENIED
    assert refusal(lambda: worker.Append(append(record("c"), namespace="team/run")))[0] is Code.PERMISSION_DENIED


def test_a_right_that_is_taken_away_ends_an_export(told_apart: Callable[[str], Any], given: Given) -> None:
    """With the next part of it, however much is left."""
    worker, chief = told_apart("worker"), told_apart("chief")
    for _ in range(16):
        chief.Append(append(*[record("a", answer="x" * 2**20) for _ in range(3)], namespace="team/run"))
    export = worker.Export(pb.ExportRequest(namespace="team/run"))
    next(export)
    given.now = Rights(grants=RIGHTS.grants[1:], told_apart=True)
    assert refusal(lambda: [*export])[0] is Code.PERMISSION_DENIED


def test_what_is_no_name_is_compared_with_no_pattern(told_apart: Callable[[str], Any]) -> None:
    """Whoever sends it: a pattern of several stars would take for ever with a long one."""
    code, _, field = refusal(lambda: told_apart("stranger").Stats(pb.StatsRequest(namespace="n" * 100_000)))
    assert (code, field) == (Code.INVALID_ARGUMENT, "namespace")


def test_who_is_nobody_does_not_get_in(told_apart: Callable[[str], Any], tmp_path: Path) -> None:
    """A token that is nobody's, for every kind of call."""
    told_apart("chief").Append(append(record()))
    (tmp_path / "tokens" / "..no").write_text("guessed")
    stub = told_apart("..no")
    for call in (
        DENIED["search elsewhere"],
        DENIED["search elsewhere in a stream"],
        DENIED["watch elsewhere"],
        DENIED["import without being admin"],
    ):
        assert refusal(lambda call=call: call(stub))[0] is Code.UNAUTHENTICATED
