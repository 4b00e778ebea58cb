"""Keeps what the sink knows close at hand: a thread of its own listens, and whoever asks never waits for the wire."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tandem.telemetry.v1.telemetry_pb2 import WatchRequest, WatchResponse, WorkerReport

from tandem_telemetry.client.pace import pause
from tandem_telemetry.newest import Kept, RunKey, merged, run_key

if TYPE_CHECKING:
    import grpc
    from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub
    from tandem_rpc import ClientTls

_log = logging.getLogger(__name__)


class Watcher:
    """The newest report of every run that matches, kept through breaks of the connection and restarts of the sink."""

    def __init__(
        self,
        address: str,
        token_file: Path | None = None,
        namespace: str = "",
        run: str = "",
        *,
        on_change: Callable[[Collection[RunKey]], None] | None = None,
        tls: "ClientTls | None" = None,
        plaintext: bool = False,
        pause_s: float = 0.0,
    ) -> None:
        """Begin to listen; arguments are those of `tandem_rpc.channel`.

        Args:
            address: Where the sink is, "host:port".
            token_file: The token to show.
            namespace: Whose runs are asked for; all when empty.
            run: Which run is asked for; all when empty.
            on_change: Told from the watcher's thread which runs there is news of, all that came at once; must not block.
            tls: As in `tandem_rpc.channel`.
            plaintext: As in `tandem_rpc.channel`.
            pause_s: Least time between two bursts of news; what a run says in between is heard as one.

        Raises:
            tandem_rpc.RpcSetupError: when one of them cannot be used. A sink that is not there (yet) is no error.
        """
        from tandem_rpc import channel

        self._address, self._wanted = address, WatchRequest(namespace=namespace, run=run, pause_seconds=pause_s)
        self._channel = channel(address, token_file=token_file, tls=tls, plaintext=plaintext)
        self._on_change = on_change or _nobody
        self._known: dict[RunKey, Kept] = {}
        self._heard: dict[RunKey, bytes] = {}  # as it came: most is never asked for, so it is not merged with what is known yet
        self._lock = threading.Lock()
        self._leave = threading.Event()
        self._call: grpc.RpcContext | None = None  # what is listened to
        self._complained = ""
        self._thread = threading.Thread(target=self._listen, name="watcher", daemon=True)
        self._thread.start()

    def newest(self) -> Mapping[RunKey, WorkerReport]:
        """The newest report of each run, by namespace and name; empty until the sink was heard."""
        with self._lock:
            self._merge_all()
            return {key: WorkerReport.FromString(known.wire) for key, known in self._known.items()}

    def newest_of(self, key: RunKey) -> WorkerReport | None:
        """The newest report of one run; None while there is none."""
        with self._lock:
            self._merge(key)
            known = self._known.get(key)
        return WorkerReport.FromString(known.wire) if known else None

    def last_word_of(self, key: RunKey) -> WorkerReport | None:
        """The last report of one run as it came, which is cheaper: what was said to a service before a restart may be missing."""
        with self._lock:
            known = self._known.get(key)
            wire = self._heard.get(key) or (known.wire if known else None)
        return WorkerReport.FromString(wire) if wire else None

    def close(self) -> None:
        """Listen no more. What was heard stays."""
        with self._lock:
            self._leave.set()
            call = self._call
        if call is not None:
            call.cancel()
        self._thread.join()
        self._channel.close()  # last: gRPC has died of a channel that was closed while a thread began a call on it

    def _listen(self) -> None:
        from tandem.telemetry.v1.telemetry_pb2_grpc import TelemetryServiceStub

        stub = TelemetryServiceStub(self._channel)
        while not self._leave.is_set():
            self._stream(stub)
            if pause(self._leave):
                return

    def _stream(self, stub: "TelemetryServiceStub") -> None:
        import grpc

        with self._lock:
            self._merge_all()  # what a service says that was started anew lacks what was said to the one before
            if self._leave.is_set():
                return
            self._call = call = stub.Watch(self._wanted, wait_for_ready=True)
        try:
            for burst in call:
                self._take(burst)
                self._complained = ""
        except grpc.RpcError as error:
            self._broken(error)

    def _take(self, burst: WatchResponse) -> None:
        heard = {run_key(report.source): report.SerializeToString() for report in burst.reports}
        forgotten = {run_key(source) for source in burst.forgotten}
        with self._lock:
            self._heard.update(heard)
            for key in forgotten:
                self._heard.pop(key, None)
                self._known.pop(key, None)
        self._on_change(heard.keys() | forgotten)

    def _merge(self, key: RunKey) -> None:
        """Within one stream each report holds all that was said before, so only the last has to be merged."""
        if heard := self._heard.pop(key, None):
            known = self._known.get(key)
            self._known[key] = Kept.of(merged(known.newest() if known else None, WorkerReport.FromString(heard)))

    def _merge_all(self) -> None:
        for key in tuple(self._heard):
            self._merge(key)

    def _broken(self, error: "grpc.RpcError") -> None:
        text = f"telemetry at {self._address}: {error.code().name} {error.details()}; watching again once it answers"
        if not self._leave.is_set() and text != self._complained:
            self._complained = text
            _log.warning("%s", text)


def _nobody(_: Collection[RunKey]) -> None:
    """Who is told of changes when nobody asked to be."""
