"""The API server as the operator speaks to it: plain JSON over one pool of connections, never faster than it may.

A write is made only while it is our right, asked for anew each time it goes out, and given up when that right may have ended: a
request that hangs somewhere must not be carried out when another replica acts already.

The library's typed models are left out on purpose: a pod as an object costs ten times its JSON, in memory and in time.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from .document import Json, text
from .errors import KubeError
from .limiter import Limiter
from .server_time import ServerTime

_TIMEOUT_S: Final = 30.0
_CONNECT_S: Final = 10.0
_AT_ONCE: Final = 16  # requests; a connection has a quarter of a megabyte of buffers for TLS, and is free again in milliseconds
_APPLY: Final = "application/apply-patch+yaml; charset=utf-8"  # with a charset the library leaves it to us to write it
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7e]")
_STREAMS: Final = 8  # connections more, for watches
_POSTPONED: Final = 5  # times that one request comes again when asked to
_LONGEST_WAIT_S: Final = 30.0
_FAILED: Final = 400  # and above
_PAGE: Final = 500  # objects of a list that come at once
FIELD_MANAGER: Final = "tandem-operator"
_IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"

MayWrite = Callable[[], float | None]
"""For how many seconds it is our right to write; None without a limit. Raises when another replica may be acting."""


async def configuration(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Where the API server is and who we are: the pod's service account, or else a kubeconfig.

    Raises:
        kubernetes.aio.config.ConfigException: when there is neither.
    """
    found = cast("Configuration", type.__call__(Configuration))  # the library's own way around its global default
    library: Any = config  # which has no types
    if _IN_CLUSTER in environ and not environ.get("KUBECONFIG"):
        library.load_incluster_config(client_configuration=found)
    else:
        path = environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        await library.load_kube_config(config_file=path, client_configuration=found)
    found.connection_pool_maxsize = _AT_ONCE + _STREAMS
    found.client_session_kwargs = {"trust_env": False}  # else ~/.netrc is looked up, in a thread, for every request
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    body: Json | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout: aiohttp.ClientTimeout = field(default_factory=lambda: _timeout(_TIMEOUT_S))
    writes: bool = False


class Kube:
    """The API server. Every request waits for its turn, and those that write are made only while that is our right."""

    def __init__(
        self,
        found: Configuration,
        limiter: Limiter,
        failed: Callable[[int], None],
        may_write: MayWrite,
        *,
        time: ServerTime | None = None,
    ) -> None:
        """Make the client.

        Args:
            found: As from `configuration`.
            limiter: Who says when the next request may go out.
            failed: Told the status of every request that fails; 0 of those without an answer.
            may_write: Asked before every write goes out.
            time: Told when the server says that it is, with every answer.
        """
        self._client: Any = ApiClient(configuration=found)
        self._limiter, self._failed, self._may_write = limiter, failed, may_write
        self._time = time
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._host = str(found.host)

    async def get(self, path: str, *, accept: str = "application/json", **query: str | int) -> Json:
        """What is at `path`.

        Raises:
            KubeError: as every request may.
        """
        return await self._asked(_Request(method="GET", path=path, query=query, headers={"Accept": accept}))

    async def pages(self, path: str, *, accept: str = "application/json", **query: str | int) -> AsyncIterator[Json]:
        """The collection at `path`, page by page; all pages are of the version that the first one names."""
        more: dict[str, str] = {}
        while True:
            page = await self.get(path, accept=accept, **query, limit=_PAGE, **more)
            yield page
            more = {"continue": text(page, "metadata", "continue")}
            if not more["continue"]:
                return

    async def create(self, path: str, body: Json) -> Json:
        """Create an object in the collection at `path`; a conflict when it exists."""
        return await self._written(_Request(method="POST", path=path, query={"fieldManager": FIELD_MANAGER}, body=body))

    async def note(self, path: str, body: Json) -> Json:
        """Create an object that contradicts nobody, such as an event: it may be written though another replica acts by now."""
        return await self._asked(_Request(method="POST", path=path, query={"fieldManager": FIELD_MANAGER}, body=body))

    async def apply(self, path: str, body: Json) -> Json:
        """Have the object at `path` be as `body` says, as far as that says anything (server-side apply, one field owner)."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        headers = {"Content-Type": _APPLY}
        return await self._written(_Request(method="PATCH", path=path, query=query, body=_as_yaml(body), headers=headers))

    async def merge(self, path: str, body: Json) -> Json:
        """Change of the object at `path` what `body` says, and nothing else (JSON merge patch)."""
        query, headers = {"fieldManager": FIELD_MANAGER}, {"Content-Type": "application/merge-patch+json"}
        return await self._written(_Request(method="PATCH", path=path, query=query, body=body, headers=headers))

    async def replace(self, path: str, body: Json) -> Json:
        """Put `body` in the place of the object of the same version."""
        return await self._written(_Request(method="PUT", path=path, query={"fieldManager": FIELD_MANAGER}, body=body))

    async def delete(self, path: str, options: Json) -> Json:
        """Have the object at `path` deleted, which is returned as it is then; that it is gone already is as good, and empty."""
        try:
            return await self._written(_Request(method="DELETE", path=path, body=options))
        except KubeError as error:
            if not error.gone:
                raise
            return {}

    @asynccontextmanager
    async def stream(self, path: str, silent_s: float, **query: str | int) -> AsyncGenerator[AsyncIterator[Json]]:
        """The events of a watch. A stream that says nothing for `silent_s`, bookmarks included, is given up."""
        await self._limiter.wait()
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=silent_s)
        try:
            response = await self._sent(_Request(method="GET", path=path, query={**query, "watch": "true"}, timeout=timeout))
        except KubeError as error:
            raise self._counted(error) from None
        try:
            if response.status >= _FAILED:
                raise self._counted(KubeError.answered(response.status, response.headers, await response.read()))
            yield _lines(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._counted(KubeError.unanswered(error)) from None
        finally:
            response.close()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.close()

    async def _written(self, request: _Request) -> Json:
        return await self._asked(replace(request, writes=True))

    async def _asked(self, request: _Request) -> Json:
        """The answer to a request, which comes again as often as the server asks it to.

        A conflict may be with what the same request did before, where its answer said that something had failed: then nobody knows.
        """
        perhaps_done: KubeError | None = None
        for postponed in range(_POSTPONED + 1):
            await self._limiter.wait()
            try:
                async with self._turns:  # not in the pool, where waiting counts as being unanswered
                    return await self._answer(self._timed(request) if request.writes else request)
            except KubeError as error:
                self._counted(error)
                if perhaps_done and error.conflict and not error.exists:
                    raise perhaps_done from error
                perhaps_done = error if error.uncertain else perhaps_done
                if not error.postponed or postponed == _POSTPONED:
                    raise
                await asyncio.sleep(min(error.retry_after_s or 1.0, _LONGEST_WAIT_S))
        raise AssertionError

    def _timed(self, request: _Request) -> _Request:
        """A write that is given up when it is not our right any more."""
        left_s = self._may_write()
        return request if left_s is None else replace(request, timeout=_timeout(min(_TIMEOUT_S, left_s)))

    async def _answer(self, request: _Request) -> Json:
        response = await self._sent(request)
        try:
            said = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubeError.unanswered(error) from None
        finally:
            response.release()
        if response.status >= _FAILED:
            raise KubeError.answered(response.status, response.headers, said)
        return _read(said) if said else {}

    async def _sent(self, request: _Request) -> aiohttp.ClientResponse:
        headers = {"Accept": "application/json", "User-Agent": FIELD_MANAGER, **request.headers}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], request.path, request.method, request.body)
        url = f"{self._host}{request.path}?{urlencode(request.query)}" if request.query else f"{self._host}{request.path}"
        asked = {"headers": headers, "body": request.body, "_request_timeout": request.timeout}
        began = self._time.asked() if self._time else 0.0
        try:
            answer = await self._client.rest_client.request(request.method, url, **asked)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KubeError.unanswered(error, sent=not isinstance(error, aiohttp.ClientConnectorError)) from None
        response = cast("aiohttp.ClientResponse", answer.response)
        if self._time and response.status < _FAILED:  # a failure may be the word of somebody on the way
            self._time.heard(response.headers.get("Date"), began)
        return response

    def _counted(self, error: KubeError) -> KubeError:
        self._failed(error.status)
        return error


def _as_yaml(body: Json) -> str:
    """JSON that is YAML as well: that escapes characters beyond the first 65,536, such as an emoji in a library's last words, its own way.

    What is no character at all becomes U+FFFD.
    """
    return _NOT_ASCII.sub(_escaped, json.dumps(body, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - half of a pair
        code = 0xFFFD
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - as YAML has it


def _timeout(total_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, connect=_CONNECT_S)


def _read(said: bytes) -> Json:
    """The object that was said; whatever else stands there is no answer of the API server, but of somebody on the way."""
    try:
        found = json.loads(said)
    except ValueError as error:
        raise KubeError.unanswered(error) from None
    if not isinstance(found, dict):
        raise KubeError.unanswered(TypeError("the answer is no object"))
    return cast("Json", found)


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    """The objects of a stream, one a line. The library's own lines end at 128 KiB, and objects may be of a megabyte and more."""
    begun: list[bytes] = []
    async for data in response.content.iter_any():
        first, *others = data.split(b"\n")
        begun.append(first)
        for line in others:
            yield _read(b"".join(begun))
            begun = [line]
