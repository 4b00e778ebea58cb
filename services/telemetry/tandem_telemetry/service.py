"""Report, Watch and List, as the wire has them (protos/tandem/telemetry/v1)."""

from collections.abc import Iterator

import grpc
from tandem.telemetry.v1.telemetry_pb2 import (
    ListRequest,
    ListResponse,
    ReportRequest,
    ReportResponse,
    WatchRequest,
    WatchResponse,
    WorkerReport,
)
from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceServicer
from tandem_rpc import Caller, Refused, caller, invalid

from tandem_telemetry.acceptance import UnacceptableReportError, check
from tandem_telemetry.board import Board, Filter
from tandem_telemetry.registry import TooManyRunsError
from tandem_telemetry.rights import Rights
from tandem_telemetry.traffic import Traffic


class Telemetry(TelemetryServiceServicer):
    """The service. Calls are threads; the board is where they meet."""

    def __init__(self, board: Board, traffic: Traffic, rights: Rights) -> None:
        self._board, self._traffic, self._rights = board, traffic, rights

    def Report(self, request_iterator: Iterator[ReportRequest], context: grpc.ServicerContext) -> ReportResponse:  # noqa: N802 - the wire's name
        """Take in what a worker says, for as long as it speaks."""
        reports, who = 0, caller(context)
        with self._traffic.stream(reporters=1):
            for request in request_iterator:
                self._take(request.report, who)
                reports += 1
        return ReportResponse(reports=reports)

    def Watch(self, request: WatchRequest, context: grpc.ServicerContext) -> Iterator[WatchResponse]:  # noqa: N802 - the wire's name
        """Tell all that is known, then every change, until the caller or the service leaves."""
        self._rights.check_look(caller(context), request.namespace)
        wanted = Filter(namespace=request.namespace, run=request.run)
        with self._traffic.stream(watchers=1), self._board.watch(wanted, request.pause_seconds) as subscription:
            if context.add_callback(subscription.end):
                yield from subscription
        if context.is_active():
            raise Refused(grpc.StatusCode.UNAVAILABLE, "watch: the service is stopping; watch again")

    def List(self, request: ListRequest, context: grpc.ServicerContext) -> ListResponse:  # noqa: N802 - the wire's name
        """Say all that is known, once."""
        self._rights.check_look(caller(context), request.namespace)
        wanted = Filter(namespace=request.namespace, run=request.run)
        reports = (state.report for state in self._board.runs().values())
        return ListResponse(reports=[report for report in reports if wanted.matches(report.source)])

    def _take(self, report: WorkerReport, who: Caller | None) -> None:
        try:
            self._rights.check_report(who, report.source)
            check(report)
            self._board.take(report)
        except Refused:
            self._traffic.count(refused=1)
            raise
        except UnacceptableReportError as error:
            self._traffic.count(refused=1)
            raise invalid(error.field, error.problem) from None
        except TooManyRunsError:
            self._traffic.count(refused=1)
            message = "report.source.run: as many runs are known as this service keeps; let it keep more (TANDEM_TELEMETRY_MOST_RUNS)"
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, message, field="report.source.run") from None
        self._traffic.count(reports=1)
