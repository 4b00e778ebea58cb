"""A wire in front of a real HTTP part, with the troubles that the part itself cannot be told to have.

It passes requests on as they are. Told to, it loses a request, at once or once something has happened meanwhile, loses the
answer to one that was carried out, breaks off in the middle of an answer, says nothing, says that it is too busy, or answers
like something else.
"""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MIB = 1 << 20
_BUSY = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'


class Trouble(StrEnum):
    LOST_REQUEST = "the server never hears of it"
    LOST_LATE = "the server never hears of it, and before the client learns of that `meanwhile` is done"
    LOST_ANSWER = "the server carries it out, and we never hear of it"
    HALF_ANSWER = "the connection breaks in the middle of the answer"
    SILENCE = "no answer, and the connection stays"
    BUSY = "503 SlowDown"
    SLOW = "the request is taken in no faster than 10 MiB a second"
    FOREIGN = "a web page, from something that is no object store"


@dataclass(slots=True)
class Wire:
    """Its endpoint, what passed it, and the troubles to come."""

    upstream: str
    endpoint: str = ""
    requests: list[str] = field(default_factory=list[str])
    troubles: list[tuple[str, Trouble]] = field(default_factory=list[tuple[str, Trouble]])
    meanwhile: Callable[[], object] = lambda: None
    _passing: threading.Condition = field(default_factory=threading.Condition)
    _closing: threading.Event = field(default_factory=threading.Event)

    def trouble(self, requests: str, *troubles: Trouble) -> None:
        """Give the next requests whose line ("PUT /bucket/key?query") holds `requests` these troubles, one each."""
        self.troubles += [(requests, trouble) for trouble in troubles]

    def due(self, request: str) -> Trouble | None:
        """The trouble that this request runs into."""
        with self._passing:
            self.requests.append(request)
            self._passing.notify_all()
            for each in self.troubles:
                if each[0] in request:
                    self.troubles.remove(each)
                    return each[1]
        return None

    def wait_for(self, request: str) -> None:
        """Return once a request has come whose line holds `request`."""
        with self._passing:
            assert self._passing.wait_for(lambda: any(request in each for each in self.requests), timeout=300), request

    def stay_silent(self) -> None:
        """Have the other side wait."""
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
        trouble = self.wire.due(f"{self.command} {self.path}")
        body = self._body(slowly=trouble is Trouble.SLOW)
        match trouble:
            case Trouble.LOST_REQUEST:
                self.close_connection = True
            case Trouble.LOST_LATE:
                self.wire.meanwhile()
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
                self._say(503, "application/xml", _BUSY)
            case Trouble.FOREIGN:
                self._say(404, "text/html", b"<html>Nothing here</html>")
            case Trouble.SLOW | None:
                answer, content = self._forward(body)
                self._answer(answer, content, send=len(content))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Nothing: `Wire.requests` has it all."""

    def _body(self, *, slowly: bool) -> bytes:
        length = int(self.headers.get("Content-Length", "0"))
        pieces: list[bytes] = []
        for at in range(0, length, _MIB):
            pieces.append(self.rfile.read(min(_MIB, length - at)))
            if slowly:
                time.sleep(0.1)
        return b"".join(pieces)

    def _forward(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        upstream = HTTPConnection(self.wire.upstream, timeout=300)
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

    def _say(self, status: int, kind: str, content: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
