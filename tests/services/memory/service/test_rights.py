"""Who may do what: what is denied, to whom, and from when on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem_memory.rights import Grant, Right, Rights
from tandem_rpc.verifiers.token_folder import TokenFolder

from tests.services.memory.service.conftest import Start, append, record, refusal

Code = grpc.StatusCode


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
