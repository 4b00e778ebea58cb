"""The process: settings from the environment, both servers up, until SIGTERM, SIGINT or nobody needs it any more."""

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial

from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from tandem.telemetry.v1 import telemetry_pb2
from tandem.telemetry.v1.telemetry_pb2_grpc import add_TelemetryServiceServicer_to_server
from tandem_rpc import RpcSetupError, Server, Streams, Verifier, serve
from tandem_rpc.process import address_file
from tandem_rpc.process.scraping import Scraping
from tandem_rpc.verifiers.remembered import Remembered
from tandem_rpc.verifiers.token_review import ApiServer, TokenReview

from tandem_telemetry.board import Board
from tandem_telemetry.exporter import Exporter
from tandem_telemetry.registry import Registry
from tandem_telemetry.service import Telemetry
from tandem_telemetry.settings import Settings
from tandem_telemetry.traffic import Traffic

_LOOK_EVERY_S = 1.0
_WRONG_SETTINGS = 2
_MOST_TOKENS = 10_000  # remembered at about 300 bytes each
_SERVICE = telemetry_pb2.DESCRIPTOR.services_by_name["TelemetryService"].full_name
_log = logging.getLogger("tandem_telemetry")


def main() -> int:
    """Run the service.

    Returns:
        0 when it was asked to stop or was idle, 2 when its settings cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        run(Settings(), stop)
    except ValidationError as error:
        return _say(f"TANDEM_TELEMETRY_{'_'.join(map(str, e['loc'])).upper()}: {e['input']!r}: {e['msg']}" for e in error.errors())
    except RpcSetupError as error:
        return _say([str(error)])
    return 0


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set, or until idle for as long as the settings allow.

    Raises:
        RpcSetupError: when a setting cannot be used.
    """
    board = Board(Registry(expire_s=settings.expire_seconds, most_runs=settings.most_runs), time.monotonic)
    traffic = Traffic(time.monotonic)
    with ExitStack() as stack:
        scraping = stack.enter_context(_scraping(settings, board, traffic, stop))
        server = _serving(settings, Telemetry(board, traffic, settings.rights))
        stack.callback(server.stop, settings.grace_seconds)
        stack.callback(board.close)
        addresses = {
            "grpc": address_file.at(settings.listen, server.port),
            "metrics": address_file.at(settings.metrics_listen, scraping.port),
        }
        stack.enter_context(address_file.written(settings.address_file, **addresses))
        _log.info("reports at %(grpc)s, metrics at %(metrics)s", addresses)
        while not stop.wait(_LOOK_EVERY_S):
            board.forget()
            if 0 < settings.idle_exit_seconds <= traffic.idle_s():
                _log.info("idle for %g s: leaving", settings.idle_exit_seconds)
                return


def _serving(settings: Settings, service: Telemetry) -> Server:
    return serve(
        settings.listen,
        {_SERVICE: partial(add_TelemetryServiceServicer_to_server, service)},
        token_file=settings.token_file,
        verifier=_verifier(settings),
        tls=settings.tls,
        plaintext=settings.plaintext,
        streams=Streams(speakers=settings.most_streams),
    )


def _verifier(settings: Settings) -> Verifier | None:
    if not settings.token_review:
        return None
    server = ApiServer(url=settings.api_server, account=settings.service_account)
    return Remembered(TokenReview(server, settings.audience), time.monotonic, most=_MOST_TOKENS)


def _scraping(settings: Settings, board: Board, traffic: Traffic, stop: threading.Event) -> Scraping:
    def figures() -> dict[str, float]:
        return {
            "reports": traffic.reports,
            "refused": traffic.refused,
            "reporters": traffic.reporters,
            "watchers": traffic.watchers,
            "runs": len(board.runs()),
        }

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Exporter(lambda: board.runs().values(), figures))
    return Scraping(settings.metrics_listen, registry, lambda: "stopping" if stop.is_set() else None)


def _say(lines: Iterable[str]) -> int:
    for line in lines:
        sys.stderr.write(f"tandem-telemetry: {line}\n")
    return _WRONG_SETTINGS
