"""A memory in a dict behind a real gRPC server, which can be told to fail as a real one fails only by chance."""

# ruff: noqa: N802 - methods have the wire's names

import threading
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

import grpc
import numpy as np
from tandem.memory.v1 import memory_pb2 as wire
from tandem.memory.v1.memory_pb2_grpc import MemoryServiceServicer, add_MemoryServiceServicer_to_server
from tandem_memory.record import floats
from tandem_rpc import Refused, Server, serve

_SERVICE = wire.DESCRIPTOR.services_by_name["MemoryService"].full_name
_LOOK_EVERY_S = 0.02


class StandIn(MemoryServiceServicer):
    """Keeps everything in the order that it came.

    Attributes:
        refusals: What the next calls are refused with, before they do anything; None lets one pass.
        breaks: After how many answers each of the next streams breaks; the answer that was due is lost, its effect is not.
        silent: While it is set, streams of appends are heard and not answered.
        mute: The same for streams of searches.
        held: The same for calls of every kind.
        lasting: While it is set, streams of appends are answered and never ended.
        got_at_once: How many ids are answered at once, as if their records were large.
        found_at_once: How many queries of a request are answered, likewise.
        calls: Names of the calls that were made.
    """

    def __init__(self) -> None:
        self.changes: list[wire.Change] = []
        self.records: dict[str, wire.Record] = {}
        self.by_key: dict[str, str] = {}
        self.refusals: deque[Refused | None] = deque()
        self.breaks: deque[int] = deque()
        self.silent, self.mute, self.held, self.lasting = (threading.Event() for _ in range(4))
        self.got_at_once = self.found_at_once = 1000
        self.calls: list[str] = []
        self.batches: list[int] = []
        self.deadlines: list[float] = []
        self._changed = threading.Condition()
        self._server: Server | None = None
        self._address = "127.0.0.1:0"

    @property
    def address(self) -> str:
        return self._address

    def start(self) -> "StandIn":
        """Listen; started again it listens where it did before."""
        self._server = serve(self._address, {_SERVICE: partial(add_MemoryServiceServicer_to_server, self)})
        self._address = f"127.0.0.1:{self._server.port}"
        return self

    def stop(self) -> None:
        """Hang up on everybody."""
        if self._server:
            self._server.stop(0)
            self._server = None

    def _begin(self, name: str, context: Any) -> None:
        self.calls.append(name)
        self.deadlines.append(context.time_remaining())
        if self.refusals and (refusal := self.refusals.popleft()):
            raise refusal
        _wait_while(self.held, context)

    def _break(self) -> Iterator[None]:
        """Ends a stream of answers early, if it was told to."""
        left = self.breaks.popleft() if self.breaks else None
        while True:
            if left == 0:
                raise Refused(grpc.StatusCode.UNAVAILABLE, "the wire was cut")
            left = None if left is None else left - 1
            yield

    def Append(self, request: wire.AppendRequest, context: Any) -> wire.AppendResponse:
        self._begin("Append", context)
        return self._append(request)

    def _append(self, request: wire.AppendRequest) -> wire.AppendResponse:
        response = wire.AppendResponse()
        with self._changed:
            self.batches.append(len(request.records))
            for record in request.records:
                response.known.append(record.key in self.by_key)
                if record.key not in self.by_key:
                    self._take(record)
                response.ids.append(self.by_key[record.key])
            self._changed.notify_all()
        return response

    def _take(self, record: wire.Record) -> None:
        kept = wire.Record()
        kept.CopyFrom(record)
        kept.id = f"r{len(self.records)}"
        kept.appended_at.GetCurrentTime()
        self.records[kept.id] = kept
        self.by_key[kept.key] = kept.id
        self.changes.append(wire.Change(appended=kept))

    def AppendStream(self, request_iterator: Iterator[wire.AppendRequest], context: Any) -> Iterator[wire.AppendResponse]:
        self._begin("AppendStream", context)
        cut = self._break()
        for request in request_iterator:
            _wait_while(self.silent, context)
            answer = self._append(request)
            next(cut)
            yield answer
        _wait_while(self.lasting, context)

    def Search(self, request: wire.SearchRequest, context: Any) -> wire.SearchResponse:
        self._begin("Search", context)
        return self._search(request)

    def _search(self, request: wire.SearchRequest) -> wire.SearchResponse:
        response = wire.SearchResponse()
        self.batches.append(len(request.queries))
        for number, query in enumerate(request.queries):
            found = response.found.add()
            if query.text == "?!" or number >= self.found_at_once:
                found.refused = "no word" if query.text == "?!" else "too large"
                continue
            near = sorted(((self._cosine(query, record), record) for record in self.records.values()), key=lambda each: -each[0])
            for similarity, record in near[: request.k or 10]:
                found.hits.add(record=record, similarity=similarity)
        return response

    def _cosine(self, query: wire.Query, record: wire.Record) -> float:
        if query.WhichOneof("by") == "text":
            return float(query.text == record.question)
        ours, theirs = floats(query.vector), floats(record.vector)
        return float(ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs)))

    def SearchStream(self, request_iterator: Iterator[wire.SearchRequest], context: Any) -> Iterator[wire.SearchResponse]:
        self._begin("SearchStream", context)
        cut = self._break()
        for request in request_iterator:
            _wait_while(self.mute, context)
            next(cut)
            yield self._search(request)

    def Get(self, request: wire.GetRequest, context: Any) -> wire.GetResponse:
        self._begin("Get", context)
        some = request.ids[: self.got_at_once]
        records = [self.records[each] for each in some if each in self.records]
        return wire.GetResponse(records=records, left=len(request.ids) - len(some))

    def Scan(self, request: wire.ScanRequest, context: Any) -> wire.ScanResponse:
        self._begin("Scan", context)
        begin, limit = int(request.cursor or 0), min(request.limit, 100)  # less than is asked for, as a service may
        page = list(self.records.values())[begin : begin + limit]
        more = begin + limit < len(self.records)
        return wire.ScanResponse(records=page, cursor=str(begin + limit) if more else "")

    def Export(self, request: wire.ExportRequest, context: Any) -> Iterator[wire.ExportResponse]:
        self._begin("Export", context)
        yield wire.ExportResponse(records=self.records.values(), skipped=[wire.Finding()] if request.skip_damaged else ())

    def Import(self, request_iterator: Iterator[wire.ImportRequest], context: Any) -> wire.ImportResponse:
        self._begin("Import", context)
        return wire.ImportResponse(taken=sum(len(each.records) for each in request_iterator))

    def Watch(self, request: wire.WatchRequest, context: Any) -> Iterator[wire.WatchResponse]:
        self._begin("Watch", context)
        at, cut = int(request.cursor or (len(self.changes) if request.only_new else 0)), self._break()
        yield wire.WatchResponse(cursor=str(at))
        while context.is_active():
            with self._changed:
                if len(self.changes) == at:
                    self._changed.wait(_LOOK_EVERY_S)
                some = self.changes[at : at + 7]
            if some:
                next(cut)
                at += len(some)
                yield wire.WatchResponse(changes=some, cursor=str(at))

    def Feedback(self, request: wire.FeedbackRequest, context: Any) -> wire.FeedbackResponse:
        self._begin("Feedback", context)
        self.changes += [wire.Change(judged=each) for each in request.judged]
        return wire.FeedbackResponse(taken=len(request.judged))


def _wait_while(event: threading.Event, context: Any) -> None:
    while event.is_set() and context.is_active():
        threading.Event().wait(_LOOK_EVERY_S)
