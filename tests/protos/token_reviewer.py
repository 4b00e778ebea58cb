"""As much of a Kubernetes API server as our services ask of one: TokenReview over HTTPS, with faults that a real one has seldom."""

import json
import ssl
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.protos.authority import Authority

AUDIENCE = "tandem-telemetry"
OUR_TOKEN = "the-service-itself"  # noqa: S105 - no secret


def of(identity: str, *audiences: str) -> Mapping[str, Any]:
    """The status of a review of a token of `identity`."""
    return {"authenticated": True, "user": {"username": identity, "groups": []}, "audiences": [*(audiences or (AUDIENCE,))]}


@dataclass
class Reviewer:
    """What it knows, and what it was asked.

    Attributes:
        url: Where it is.
        account: The folder that a pod has its service account in.
        known: The status that each token is reviewed to; others are nobody's.
        instead: Status and body to answer in place of a review.
        asked: What was posted: path, authorization and body, in order.
    """

    url: str
    account: Path
    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    instead: tuple[int, bytes] | None = None
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str]:
        """What a service is told to ask it."""
        return {"TOKEN_REVIEW": "true", "API_SERVER": self.url, "SERVICE_ACCOUNT": str(self.account), "AUDIENCE": AUDIENCE}

    def answer(self, path: str, authorization: str, review: Any) -> tuple[int, bytes]:
        """Status and body."""
        self.asked.append((path, authorization, review))
        if self.instead:
            return self.instead
        if authorization != f"Bearer {OUR_TOKEN}":
            return 401, b"{}"
        status = self.known.get(review["spec"]["token"], {"user": {}, "error": "token lookup failed"})
        return 201, json.dumps({**review, "status": status}).encode()


@contextmanager
def reviewing(folder: Path, authority: Authority) -> Generator[Reviewer]:
    """A reviewer that `authority` vouches for."""
    certificate, key = authority.issue("api-server")
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(f"{OUR_TOKEN}\n")
    (account / "ca.crt").write_bytes(authority.certificate.read_bytes())
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificate, key)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name it has in the standard library
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code, body = reviewer.answer(self.path, self.headers["Authorization"], review)
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - likewise
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = trust.wrap_socket(server.socket, server_side=True)
    reviewer = Reviewer(f"https://127.0.0.1:{server.server_port}", account)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield reviewer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
