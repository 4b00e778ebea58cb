"""Asks the Kubernetes API server whose a bearer token is (TokenReview, authentication.k8s.io/v1).

What counts is the token's audience: one made for somebody else is no token of ours, however genuine. Nobody is let in while
the API server does not answer; clients ask again. It is asked over its plain HTTP interface, as one small request needs no
client library of hundreds of classes.
"""

import http.client
import json
import logging
import re
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from pydantic import BaseModel, ValidationError

from tandem_rpc import Caller, Refused, RpcSetupError

_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
_SERVICE_ACCOUNT = "system:serviceaccount:"
_AT_ONCE = 8  # reviews in flight: a thousand workers that come back together are not to be the API server's next trouble
_OUR_OWN_FAULT = {http.client.UNAUTHORIZED, http.client.FORBIDDEN}
_URL = re.compile(r"https://(\[[0-9a-f:]+\]|[^]/?#@:[]+)(:\d{1,5})?/?")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServer:
    """Where the API server is, and what a pod shows it: its own service account, which kubelet renews.

    Attributes:
        url: "https://host" or "https://host:port".
        account: Folder with `token` and `ca.crt`.
        timeout_s: How long an answer may take.
    """

    url: str
    account: Path
    timeout_s: float = 5.0

    def post(self, path: str, body: object) -> tuple[int, bytes]:
        """Status and body of its answer.

        Raises:
            OSError, http.client.HTTPException: when it gives none, or is not whom our authority signed for.
        """
        where = urlsplit(self.url)
        trust = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
        wire = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=self.timeout_s, context=trust)
        token = (self.account / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        try:
            wire.request("POST", path, json.dumps(body), headers)
            answer = wire.getresponse()
            return answer.status, answer.read()
        finally:
            wire.close()


class _User(BaseModel):
    username: str = ""


class _Status(BaseModel):
    authenticated: bool = False
    user: _User = _User()
    audiences: tuple[str, ...] = ()


class _Review(BaseModel):
    status: _Status = _Status()


class TokenReview:
    """A verifier of callers (`tandem_rpc.Verifier`)."""

    def __init__(self, server: ApiServer, audience: str) -> None:
        """Begin.

        Raises:
            RpcSetupError: when there is no service account to ask with.
        """
        _check(server)
        self._server, self._audience = server, audience
        self._trouble = ""
        self._places = threading.Semaphore(_AT_ONCE)

    def __call__(self, token: str) -> Caller:
        """Whose `token` is.

        Raises:
            Refused: UNAUTHENTICATED when it is nobody's or not meant for us, UNAVAILABLE when that cannot be told now.
        """
        status = self._reviewed(token)
        if not status.authenticated:
            message = "authorization: not a token of this cluster, or one that has expired; send a projected service-account token"
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, message)
        if self._audience not in status.audiences:  # an API server that knows no audiences names none
            message = f"authorization: a token for somebody else; send one with audience {self._audience}"
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, message)
        return Caller(identity=status.user.username, namespace=_namespace(status.user.username))

    def _reviewed(self, token: str) -> _Status:
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        code, body = self._answer(review)
        if code not in {http.client.OK, http.client.CREATED}:
            why = f"{code}: bind the service account that we run under to system:auth-delegator" if code in _OUR_OWN_FAULT else f"{code}"
            raise self._unavailable(why)
        try:
            status = _Review.model_validate_json(body).status
        except ValidationError as error:
            raise self._unavailable(type(error).__name__) from None
        self._trouble = ""
        return status

    def _answer(self, review: dict[str, Any]) -> tuple[int, bytes]:
        if not self._places.acquire(timeout=self._server.timeout_s):
            raise self._unavailable(TimeoutError.__name__)
        try:
            return self._server.post(_PATH, review)
        except (OSError, http.client.HTTPException) as error:
            raise self._unavailable(type(error).__name__) from None
        finally:
            self._places.release()

    def _unavailable(self, why: str) -> Refused:
        message = f"authorization: the Kubernetes API server cannot say now whose token that is ({why}); try again"
        if why != self._trouble:
            self._trouble = why
            _log.warning("%s", message)
        return Refused(grpc.StatusCode.UNAVAILABLE, message)


def _check(server: ApiServer) -> None:
    if not _URL.fullmatch(server.url):
        msg = f"api_server: {server.url!r} is not https://host:port; give the address of the Kubernetes API server"
        raise RpcSetupError(msg)
    for name in ("token", "ca.crt"):
        if not (server.account / name).is_file():
            msg = f"service_account: {server.account / name} is absent; run in a pod with automountServiceAccountToken: true"
            raise RpcSetupError(msg)


def _namespace(username: str) -> str:
    """The namespace of a service account; empty for other users."""
    return username.removeprefix(_SERVICE_ACCOUNT).partition(":")[0] if username.startswith(_SERVICE_ACCOUNT) else ""
