"""The cluster's API, as its administrator; standard library only, for the small processes of the cluster itself."""

import functools
import json
import ssl
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.cluster.site import Site

_PATIENCE_S = 30


def call(site: Site, method: str, path: str, body: object = None, content: str = "application/json") -> Any:
    """The answer: parsed if it is JSON. `urllib.error.HTTPError` tells a refusal, other `OSError`s that nobody answers."""
    request = urllib.request.Request(  # noqa: S310  always https
        site.server + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {_token(site.admin)}", "Content-Type": content},
    )
    with urllib.request.urlopen(request, context=_trust(site.pki / "ca.crt"), timeout=_PATIENCE_S) as reply:  # noqa: S310
        data = reply.read()
    return json.loads(data) if data[:1] == b"{" else data.decode()


def ready(site: Site) -> bool:
    """Whether the API server says that it serves."""
    try:
        return call(site, "GET", "/readyz") == "ok"
    except (OSError, HTTPException):
        return False


def _token(admin: Path) -> str:
    return json.loads(admin.read_text())["users"][0]["user"]["token"]


def _trust(authority: Path) -> ssl.SSLContext:
    return _context(authority, authority.stat().st_mtime_ns)


@functools.cache
def _context(authority: Path, _: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority))
