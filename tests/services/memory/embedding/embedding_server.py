"""A small HTTP server that answers as an OpenAI-compatible /v1/embeddings does, and can be told to misbehave. No model is behind it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Told:
    """What the server does next, and what it was asked.

    Attributes:
        trouble: One for each coming request: a status, a status with headers, or a body to answer with.
        dimension: Of the vectors that it makes up: the length of the text, its vowels, and zeros.
        asked: Bodies of requests.
        keys: Their Authorization headers.
        silence_s: How long an answer takes.
        drift: By what part each answer's vectors are longer than those before: what computes on a GPU gives no text the same bits twice.
    """

    trouble: list[int | tuple[int, dict[str, str]] | bytes] = field(default_factory=list)
    dimension: int = 4
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    silence_s: float = 0
    drift: float = 0


def vector(text: str, dimension: int) -> list[float]:
    return [float(len(text)), float(sum(text.count(vowel) for vowel in "aeiou")), *[0.0] * (dimension - 2)]


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    told: Told

    def do_POST(self) -> None:  # the library's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.asked.append(body)
        self.told.keys.append(self.headers.get("Authorization"))
        time.sleep(self.told.silence_s)
        trouble = self.told.trouble.pop(0) if self.told.trouble else None
        if isinstance(trouble, bytes):
            return self.say(200, trouble)
        if trouble is not None:
            status, headers = trouble if isinstance(trouble, tuple) else (trouble, {})
            return self.say(status, b'{"error": {"message": "trouble"}}', headers)
        if self.path != "/v1/embeddings":
            return self.say(404, b"{}")
        dimension = body.get("dimensions", self.told.dimension)
        longer = 1 + self.told.drift * len(self.told.asked)
        vectors = [[longer * each for each in vector(text, dimension)] for text in body["input"]]
        items = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(vectors)]
        return self.say(200, json.dumps({"object": "list", "data": items[::-1], "model": body["model"], "usage": {}}).encode())

    def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body)), "Content-Type": "application/json"} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        del format, args


@contextmanager
def answering() -> Iterator[tuple[str, Told]]:
    """The address up to /v1, and what the server can be told."""
    told = Told()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (Answering,), {"told": told}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
