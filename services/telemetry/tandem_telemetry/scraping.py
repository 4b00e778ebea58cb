"""The HTTP side: /metrics for Prometheus, /healthz for probes, nothing else."""

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Self, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app  # pyright: ignore[reportUnknownVariableType] - an app without types

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Scraping:
    """An HTTP server in threads of its own, from `with` to `with`.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, host: str, port: int, metrics: CollectorRegistry, healthy: Callable[[], bool]) -> None:
        app = _routes(cast("WSGIApplication", make_wsgi_app(metrics)), healthy)
        kind = _V6Server if ":" in host else _Server
        self._server = make_server(host, port, app, server_class=kind, handler_class=_Silent)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="scraping", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _V6Server(_Server):
    address_family = socket.AF_INET6


class _Silent(WSGIRequestHandler):
    """Scrapes are no news: they are not logged."""

    timeout = 30  # a caller that sends nothing holds a thread no longer than this

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the standard library
        """Say nothing."""


def _routes(metrics: "WSGIApplication", healthy: Callable[[], bool]) -> "WSGIApplication":
    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/healthz":
                status, text = ("200 OK", b"ok\n") if healthy() else ("503 Service Unavailable", b"stopping\n")
            case _:
                status, text = "404 Not Found", b"see /metrics and /healthz\n"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text]

    return app
