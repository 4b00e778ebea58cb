"""The API server as the people of a test speak to it: plain requests, one after the other, which nothing retries."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

Object = dict[str, Any]
PATIENCE_S = 60
TURN_S = PATIENCE_S // 2  # of a watch: it ends before silence is taken for a broken connection
RUNS = "/apis/tandem.dev/v1alpha1/namespaces/{}/trainingruns"
PODS = "/api/v1/namespaces/{}/pods"
_CONTENTS = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class RefusedError(Exception):
    """The API server answered with another status than was hoped for."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


class Api:
    """A client with the rights of a kubeconfig; may be used from any thread."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._at = urlsplit(cluster["server"])
        self._trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self._token = config["users"][0]["user"]["token"]
        self._mine = threading.local()

    def get(self, path: str, **query: str) -> Object:
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def items(self, path: str, **query: str) -> list[Object]:
        """The objects of a collection."""
        return self.get(path, **query)["items"]

    def create(self, path: str, body: Object) -> Object:
        return self._call("POST", path, body)

    def patch(self, path: str, body: Object, kind: str = "merge") -> Object:
        """Change an object: by a `merge` or a `strategic` patch, or by server-side `apply`."""
        query = "?fieldManager=a-person&force=true" if kind == "apply" else ""
        return self._call("PATCH", path + query, body, _CONTENTS[kind])

    def delete(self, path: str, **options: Any) -> Object:
        return self._call("DELETE", path, options)

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except RefusedError as refusal:
            if refusal.status == 404:
                return False
            raise
        return True

    def watch(self, path: str, version: str, turn_s: int = TURN_S) -> Iterator[tuple[str, Object]]:
        """What happens in a collection after a version, until the caller has enough, its turn is over or the connection ends.

        Two seconds before its turn is over, and every minute, comes a BOOKMARK: nothing happened here up to the version that it has.

        Raises:
            RefusedError: If the server will not tell, or (410) no longer knows; then or later.
        """
        connection = self._connection()
        query = urlencode({"watch": "true", "resourceVersion": version, "timeoutSeconds": turn_s, "allowWatchBookmarks": "true"})
        connection.request("GET", f"{path}?{query}", headers=self._headers())
        with connection.getresponse() as reply:
            for line in _checked(reply):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RefusedError(event["object"]["code"], line.decode())
                yield event["type"], event["object"]

    def _call(self, method: str, path: str, body: Object | None = None, content: str = "application/json") -> Object:
        data = None if body is None else json.dumps(body)
        for again in (True, False):  # a connection that was idle may have been closed by the server
            connection = self._mine.__dict__.setdefault("connection", None) or self._connection()
            self._mine.connection = connection
            try:
                connection.request(method, path, data, {**self._headers(), "Content-Type": content})
                with connection.getresponse() as reply:
                    return json.loads(_checked(reply).read() or b"{}")
            except (HTTPException, ConnectionError, ssl.SSLEOFError):
                self._mine.connection = None
                if not again:
                    raise
        raise AssertionError

    def _connection(self) -> HTTPSConnection:
        return HTTPSConnection(self._at.hostname or "", self._at.port or 443, context=self._trust, timeout=PATIENCE_S)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}


def _checked(reply: HTTPResponse) -> HTTPResponse:
    if reply.status >= 400:
        raise RefusedError(reply.status, reply.read().decode())
    return reply
