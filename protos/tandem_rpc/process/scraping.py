"""The HTTP side: /metrics for Prometheus, /healthz and /readyz for probes, nothing else."""

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Self, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app  # pyright: ignore[reportUnknownVariableType] - an app without types

from tandem_rpc.errors import UnboundError
from tandem_rpc.exposure import host_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Scraping:
    """An HTTP server in threads of its own, from `with` to `with`.

    Attributes:
        port: Where it listens.
    """

    def __init__(
        self,
        listen: str,
        metrics: CollectorRegistry,
        unhealthy: Callable[[], str | None],
        unready: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Begin to listen at "host:port"; `unhealthy` says why, in a line, and None while all is well; `unready` what else /readyz says.

        Raises:
            UnboundError: when that cannot be.
        """
        app = _routes(cast("WSGIApplication", make_wsgi_app(metrics)), unhealthy, unready)
        host, port = host_of(listen), int(listen.rpartition(":")[2])
        kind = _V6Server if ":" in host else _Server
        try:
            self._server = make_server(host, port, app, server_class=kind, handler_class=_Silent)
        except OSError as error:
            msg = f"metrics_listen: {listen} cannot be bound ({error.strerror}); give a free port, or port 0"
            raise UnboundError(msg) from None
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


def _routes(metrics: "WSGIApplication", unhealthy: Callable[[], str | None], unready: Callable[[], str | None]) -> "WSGIApplication":
    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/healthz" | "/readyz" as asked:
                why = unhealthy() or (unready() if asked == "/readyz" else None)
                status, text = ("200 OK", b"ok\n") if why is None else ("503 Service Unavailable", f"{why}\n".encode())
            case _:
                status, text = "404 Not Found", b"see /metrics, /healthz and /readyz\n"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text]

    return app
