"""Every call of the wire, over a real socket and the real store."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
from tandem.memory.v1 import memory_pb2 as pb
from tandem_memory.embedded import Embedded
from tandem_memory.moves.restoring import restored

from tests.parts.minio_server import MinioServer
from tests.services.memory.service.conftest import Start, append, record, vector


@pytest.fixture
def stub(start: Start) -> Any:
    return start().stub


def test_what_was_appended_is_found_at_once(stub: Any) -> None:
    """Texts are embedded by the service, and whatever was acknowledged is considered; vectors come only when asked for."""
    ids = stub.Append(append(record("aaa", answer="1"), record("bbb", answer="2"))).ids
    for asked in (False, True):
        request = pb.SearchRequest(namespace="n", queries=[pb.Query(text="aab"), pb.Query(text="b")], k=1, with_vectors=asked)
        first, second = stub.Search(request).found
        assert [hit.record.id for found in (first, second) for hit in found.hits] == [*ids]
        assert first.hits[0].record.answer == "1"
        assert bool(first.hits[0].record.vector) is asked
        assert 0.8 < first.hits[0].similarity < second.hits[0].similarity <= 1


class Uncounted(Embedded):
    """A store that is too large to be counted now and then."""

    async def namespaces(self) -> Sequence[pb.Namespace]:
        raise AssertionError


def test_nothing_is_counted_to_append_or_search(start: Start, loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    """Where texts belong is known without a look at what there is, also in a new namespace, and in one that is not there."""
    kept = asyncio.run_coroutine_threadsafe(_opened(Uncounted, tmp_path / "large"), loop).result(60)
    stub = start(backend=kept).stub
    stub.Append(append(record("a")))
    assert stub.Search(pb.SearchRequest(namespace="n", queries=[pb.Query(text="a")])).found[0].hits
    with pytest.raises(grpc.RpcError) as caught:
        stub.Search(pb.SearchRequest(namespace="nowhere", queries=[pb.Query(text="a")]))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_record_comes_back_field_by_field(stub: Any) -> None:
    """Get gives what was handed in, with what the service adds, in the order that was asked."""
    said = record("a", answer="b", source="cloud", score=0.5, tags=["t"], metrics={"coherence": 0.25}, cost_usd="0.10", key="k")
    other, one = stub.Append(append(record("b"), said)).ids
    got, _ = stub.Get(pb.GetRequest(namespace="n", ids=[one, other])).records
    assert got.id == one
    assert got.appended_at.seconds
    for field in ("id", "appended_at", "at", "use"):
        got.ClearField(field)
    assert got == said


def test_a_key_counts_once(stub: Any) -> None:
    """Appended again under the same key, nothing happens but that its id is told."""
    first = stub.Append(append(record(key="k")))
    again = stub.Append(append(record("b", key="k"), record("c")))
    assert (again.ids[0], [*first.known], [*again.known]) == (first.ids[0], [False], [True, False])


def test_a_stream_is_answered_in_order(stub: Any) -> None:
    """Many requests may be under way; each has its answer, in its place."""
    answers = [*stub.AppendStream(append(record("a" * n, key=str(n))) for n in range(1, 200))]
    assert [len(answer.ids) for answer in answers] == [1] * 199
    again = [*stub.AppendStream(append(record(key=str(n))) for n in range(1, 200))]
    assert [answer.ids for answer in again] == [answer.ids for answer in answers]
    queries = [vector(1, 0, 0, 0), vector(0, 1, 0, 0), vector(0, 0, 1, 0)] * 40
    requests = (pb.SearchRequest(namespace="n", queries=[pb.Query(vector=query)], k=1) for query in queries)
    found = [answer.found[0].hits[0].similarity for answer in stub.SearchStream(requests)]
    assert len(found) == 120
    assert found[:3] * 40 == pytest.approx(found)


def test_pages_go_through_all(stub: Any) -> None:
    """Scan goes on where the last page ended, in the order that records were taken in."""
    ids = stub.Append(append(*[record("a", answer=str(n)) for n in range(25)])).ids
    seen, cursor = list[str](), ""
    while True:
        page = stub.Scan(pb.ScanRequest(namespace="n", cursor=cursor, limit=10))
        seen += [each.id for each in page.records]
        cursor = page.cursor
        if not cursor:
            break
    assert seen == [*ids]


def test_large_records_come_in_small_pages(stub: Any) -> None:
    """A page that would not fit a message has fewer records than were asked for, and nothing is left out."""
    for n in range(5):
        stub.Append(append(record("a", answer=str(n) * 9_000_000)))
    seen, cursor, pages = 0, "", 0
    while pages == 0 or cursor:
        page = stub.Scan(pb.ScanRequest(namespace="n", cursor=cursor, limit=5))
        seen, cursor, pages = seen + len(page.records), page.cursor, pages + 1
    assert seen == 5
    assert pages > 1


def test_a_watcher_sees_all_that_happens(stub: Any) -> None:
    """What was there, then what comes: appended, judged, pruned; gone on from a cursor nothing is missed."""
    one = stub.Append(append(record("a", source="cloud", score=0.9))).ids[0]
    watch = stub.Watch(pb.WatchRequest(namespace="n"), timeout=300)
    two = stub.Append(append(record("b", source="local", score=0.1))).ids[0]
    seen = _changes(watch, 2)
    stub.Feedback(pb.FeedbackRequest(namespace="n", judged=[pb.Judged(id=one, gain=1, source="local", key="j")]))
    stub.Prune(pb.PruneRequest(namespace="n", keep_best=1))
    seen += _changes(watch, 2)
    watch.cancel()
    assert [change.WhichOneof("what") for change, _ in seen] == ["appended", "appended", "judged", "pruned"]
    assert [*seen[3][0].pruned.ids] == [two]
    stub.Append(append(record("c")))
    again = stub.Watch(pb.WatchRequest(namespace="n", cursor=seen[-1][1]), timeout=300)
    assert [change.appended.question for change, _ in _changes(again, 1)] == ["c"]
    again.cancel()


def _changes(watch: Iterator[pb.WatchResponse], most: int) -> list[tuple[pb.Change, str]]:
    seen: list[tuple[pb.Change, str]] = []
    while len(seen) < most:
        response = next(watch)
        seen += [(change, response.cursor) for change in response.changes]
    return seen


def test_only_what_is_new_can_be_watched(stub: Any) -> None:
    """Also in a namespace that is not there yet, and only what matches."""
    watch = stub.Watch(pb.WatchRequest(namespace="later", only_new=True, filter=pb.Filter(sources=["cloud"])))
    seen: list[str] = []

    def listen() -> None:
        for response in watch:
            seen.extend(change.appended.question for change in response.changes)
            if seen:
                watch.cancel()
                return

    listening = threading.Thread(target=listen)
    listening.start()
    stub.Append(append(record("no", source="local"), record("yes", source="cloud"), namespace="later"))
    listening.join(300)
    assert seen == ["yes"]


def test_pruning_may_be_tried(stub: Any) -> None:
    """A dry run says what would go; then it goes, and its sources are counted."""
    ids = stub.Append(append(*[record("a", source=source, score=score) for source in ("x", "y") for score in (0.1, 0.9)])).ids
    for dry in (True, False):
        answer = stub.Prune(pb.PruneRequest(namespace="n", keep_best=1, per_source=True, dry_run=dry))
        assert (answer.removed, answer.kept, dict(answer.by_source)) == (2, 2, {"x": 1, "y": 1})
        assert {*answer.ids} == {ids[0], ids[2]}
    assert len(stub.Get(pb.GetRequest(namespace="n", ids=ids)).records) == 2


def test_statistics_and_namespaces(stub: Any) -> None:
    """Counts and means by source, and what there is."""
    stub.Append(append(record(source="cloud", score=0.5, cost_usd="0.1"), record(source="cloud", score=1, cost_usd="0.2")))
    stub.Append(append(record(vector=vector(1, 2)), namespace="vectors"))
    stats = stub.Stats(pb.StatsRequest(namespace="n"))
    assert (stats.records, stats.dimension, stats.embedding) == (2, 4, "letters")
    assert (stats.by_source["cloud"].mean_score, stats.by_source["cloud"].cost_usd) == (0.75, "0.3")
    there = stub.ListNamespaces(pb.ListNamespacesRequest()).namespaces
    assert [(each.name, each.records, each.dimension, each.embedding) for each in there] == [
        ("n", 2, 4, "letters"),
        ("vectors", 1, 2, "caller"),
    ]


@pytest.mark.parametrize("with_vectors", [False, True])
def test_a_namespace_moves(stub: Any, *, with_vectors: bool) -> None:
    """What was exported is taken in elsewhere with its times and its use, once, and can be searched by text there."""
    one = stub.Append(append(record("aab", key="k"), record("b"))).ids[0]
    stub.Feedback(pb.FeedbackRequest(namespace="n", judged=[pb.Judged(id=one, gain=0.5, source="local")]))
    exported = [each for answer in stub.Export(pb.ExportRequest(namespace="n", with_vectors=with_vectors)) for each in answer.records]
    requests = [pb.ImportRequest(namespace="m", records=[each]) for each in exported]
    taken = stub.Import(iter(requests))
    assert (taken.taken, taken.known) == (2, 0)
    assert stub.Import(iter(requests[:1])).known == 1
    found = stub.Search(pb.SearchRequest(namespace="m", queries=[pb.Query(text="aab")], k=1)).found[0].hits[0].record
    assert (found.use.times, found.use.gain, found.appended_at) == (1, 0.5, exported[0].appended_at)


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_backup_can_be_restored(start: Start, tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    """What it answers with is what to restore from; the store in the new folder holds the same."""
    uri, environ = (tmp_path / "copies").as_uri(), {}
    if kind == "s3":
        minio: MinioServer = request.getfixturevalue("minio")
        uri, environ = f"s3://{minio.new_bucket()}/copies", minio.environ
    running = start(environ=environ)
    ids = running.stub.Append(append(record("a"), record("b"))).ids
    made = running.stub.Backup(pb.BackupRequest(uri=uri))
    assert made.records == 2
    back = restored(made.uri, tmp_path / "back", environ)
    assert (back.records, back.bytes) == (2, made.bytes)
    other = start(backend=running.run(_opened(Embedded, tmp_path / "back")))
    assert [each.question for each in other.stub.Get(pb.GetRequest(namespace="n", ids=ids)).records] == ["a", "b"]


async def _opened(kind: Callable[[Path], Any], folder: Path) -> Any:
    return kind(folder)
