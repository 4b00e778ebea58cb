"""Says what a worker measured, without ever making the worker wait: a thread of its own speaks to the sink."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tandem.telemetry.v1.telemetry_pb2 import ReportRequest, WorkerReport

from tandem_telemetry.acceptance import UnacceptableReportError, check
from tandem_telemetry.client.outbox import Outbox
from tandem_telemetry.client.pace import pause

if TYPE_CHECKING:
    import grpc
    from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
    from tandem_rpc import ClientTls

_log = logging.getLogger(__name__)


class Reporter:
    """A stream of reports to the sink, made again whenever it breaks.

    What the sink has got is known only when it says so at the end, so after every break everything that was said is said
    once more, as one report.
    """

    def __init__(self, address: str, token_file: Path | None = None, *, tls: "ClientTls | None" = None, plaintext: bool = False) -> None:
        """Begin to look for the sink at `address`; arguments are those of `tandem_rpc.channel`.

        Raises:
            tandem_rpc.RpcSetupError: when one of them cannot be used. A sink that is not there (yet) is no error.
        """
        from tandem_rpc import channel

        self._address = address
        self._channel = channel(address, token_file=token_file, tls=tls, plaintext=plaintext)
        self._outbox = Outbox()
        self._leave = threading.Event()
        self._lock = threading.Lock()
        self._call: grpc.RpcContext | None = None  # what is spoken into
        self._flushed = False
        self._complained = ""
        self._thread = threading.Thread(target=self._speak, name="reporter", daemon=True)
        self._thread.start()

    def report(self, report: WorkerReport) -> None:
        """Have `report` sent. Never waits, never fails: what the sink could not use is logged and left out."""
        try:
            check(report)
        except UnacceptableReportError as error:
            self._complain(f"report left out: {error}")
            return
        self._outbox.put(report)

    def close(self, timeout_s: float) -> bool:
        """Say what is left to say, and leave.

        Returns:
            Whether the sink has everything; False when that took longer than `timeout_s`.
        """
        self._outbox.close()
        if self._outbox.untouched:
            self._leave.set()
        else:
            self._thread.join(timeout_s)
        with self._lock:
            self._leave.set()
            call = self._call
        if call is not None:
            call.cancel()
        self._thread.join()
        self._channel.close()  # last, as in the watcher
        return self._flushed or self._outbox.untouched

    def _speak(self) -> None:
        from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub

        stub = TelemetryServiceStub(self._channel)
        while not self._leave.is_set():
            self._flushed = self._stream(stub)
            if self._flushed or pause(self._leave):
                return

    def _stream(self, stub: "TelemetryServiceStub") -> bool:
        """Speak for as long as the sink listens; True when it has everything there will ever be."""
        import grpc

        stream = self._outbox.begin()
        with self._lock:
            if self._leave.is_set():
                return False
            self._call = call = stub.Report.future(self._requests(stream), wait_for_ready=True)
        try:
            call.result()
        except grpc.RpcError as error:
            self._broken(error)
            return False
        except grpc.FutureCancelledError:  # close() waits no longer
            return False
        self._complained = ""
        return self._outbox.closed

    def _requests(self, stream: int) -> Iterator[ReportRequest]:
        while (report := self._outbox.take(stream)) is not None:
            yield ReportRequest(report=report)

    def _broken(self, error: "grpc.RpcError") -> None:
        from tandem_rpc import refused_field

        if self._leave.is_set():
            return
        self._complain(f"telemetry at {self._address}: {error.code().name} {error.details()}; reports go on once it listens")
        if refused_field(error):
            self._outbox.forget()  # said again it would be refused again

    def _complain(self, text: str) -> None:
        """Say it once, not once a second."""
        if text != self._complained:
            self._complained = text
            _log.warning("%s", text)
