"""A wire in front of a real HTTP part, with the troubles that the part itself cannot be told to have.

It passes requests on as they are. Told to, it loses a request, loses the answer to one that was carried out, breaks off
in the middle of an answer, says nothing, or says that it is too busy.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_BUSY = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'


class Trouble(StrEnum):
    LOST_REQUEST = "the server never hears of it"
    LOST_ANSWER = "the server carries it out, and we never hear of it"
    HALF_ANSWER = "the connection breaks in the middle of the answer"
    SILENCE = "no answer, and the connection stays"
    BUSY = "503 SlowDown"


@dataclass(slots=True)
class Wire:
    """Its endpoint, what passed it, and the troubles to come."""

    upstream: str
    endpoint: str = ""
    requests: list[str] = field(default_factory=list[str])
    _troubles: list[tuple[str, Trouble]] = field(default_factory=list[tuple[str, Trouble]])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def trouble(self, requests: str, *troubles: Trouble) -> None:
        """Give the next requests whose line ("PUT /bucket/key?query") holds `requests` these troubles, one each."""
        self._troubles += [(requests, trouble) for trouble in troubles]

    def due(self, request: str) -> Trouble | None:
        """The trouble that this request runs into."""
        with self._lock:
            self.requests.append(request)
            for each in self._troubles:
                if each[0] in request:
                    self._troubles.remove(each)
                    return each[1]
        return None

    def stay_silent(self) -> None:
        self._closing.wait()

    def close(self) -> None:
        self._closing.set()


@contextmanager
def troubled_wire(endpoint: str) -> Generator[Wire]:
    """A wire to the HTTP server at `endpoint`."""
    wire = Wire(upstream=endpoint.removeprefix("http://"))
    server_class = type("WireServer", (ThreadingHTTPServer,), {"block_on_close": False})  # idle connections stay with their pool
    handler = type("WiredHandler", (_Handler,), {"wire": wire})
    with server_class(("127.0.0.1", 0), handler) as server:
        wire.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield wire
        finally:
            wire.close()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    wire: Wire
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        match self.wire.due(f"{self.command} {self.path}"):
            case Trouble.LOST_REQUEST:
                self.close_connection = True
            case Trouble.LOST_ANSWER:
                self._forward(body)
                self.close_connection = True
            case Trouble.HALF_ANSWER:
                answer, content = self._forward(body)
                self._answer(answer, content, send=len(content) // 2)
                self.close_connection = True
            case Trouble.SILENCE:
                self.wire.stay_silent()
                self.close_connection = True
            case Trouble.BUSY:
                self._busy()
            case None:
                answer, content = self._forward(body)
                self._answer(answer, content, send=len(content))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815  http.server's names

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Nothing: `Wire.requests` has it all."""

    def _forward(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        upstream = HTTPConnection(self.wire.upstream, timeout=30)
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body or None)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        return answer, content

    def _answer(self, answer: HTTPResponse, content: bytes, *, send: int) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", answer.headers["Content-Length"] if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        self.wfile.write(content[:send])

    def _busy(self) -> None:
        self.send_response_only(503)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(_BUSY)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(_BUSY)
