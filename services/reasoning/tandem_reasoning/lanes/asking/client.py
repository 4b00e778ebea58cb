"""Asks one server once. What comes of it is a value: nothing is tried again here, and nothing is raised but a cancellation.

Trying again costs money and belongs to whoever counts it. A call that is cancelled gives its connection up at once, so that the server
hears of it and may stop; what it did until then may still be billed.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import httpx2

from tandem_reasoning.lanes.asking.connections import SILENT_S, Connections
from tandem_reasoning.lanes.asking.key import KeyMissingError, KeyPlace
from tandem_reasoning.lanes.asking.response import read
from tandem_reasoning.lanes.outcome import Failed, Outcome, Trouble
from tandem_reasoning.values import Prompt

MOST_BYTES = 8 * 1024 * 1024
"""Of an answer: 128,000 tokens of 4 bytes, each wrapped in JSON as in a stream, are less."""

MOST_AT_ONCE = 256
"""Calls of one client: more than any lane has in flight, and less than a process may have files open."""

_CONNECT_S = 10.0  # a machine that is there answers within a round trip; three lost packets are made good after 7 s
_IDLE_S = 4.0  # uvicorn hangs up on idle connections after 5; a request must not meet that


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole response, whatever its status.

    Attributes:
        status: Of HTTP.
        headers: Names in lower case.
        body: All of it.
        seconds: From sending to its end.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class LaneClient:
    """Connections to servers, kept open between calls. Use it as `async with`, in one event loop.

    Args:
        key: Where the key is; None for servers that want none. It is shown to every url that is asked, so have one client for each lane.
        most_bytes: Of an answer; a longer one is given up.
        most_at_once: Calls; more wait for their turn, within their deadlines.
        silent_s: Seconds without a word of its kernel after which the machine of a server is taken for gone.
    """

    def __init__(
        self,
        *,
        key: KeyPlace | None = None,
        most_bytes: int = MOST_BYTES,
        most_at_once: int = MOST_AT_ONCE,
        silent_s: int = SILENT_S,
    ) -> None:
        self._key, self._most_bytes = key, most_bytes
        limits = httpx2.Limits(max_connections=most_at_once, max_keepalive_connections=most_at_once, keepalive_expiry=_IDLE_S)
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=_CONNECT_S),  # the deadline of the call is the only other one
            transport=Connections(limits, silent_s=silent_s),
            headers={"Accept-Encoding": "identity"},  # so that an answer is as large as it looks
            follow_redirects=False,  # the key is for the address that was given
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def ask(self, url: str, model: str, prompt: Prompt, *, deadline_s: float, stream: bool = False) -> Outcome:
        """The answer of a chat.

        Args:
            url: Base address of the server, up to and including /v1.
            model: Its name there.
            prompt: What is asked.
            deadline_s: How long it may take, connecting included.
            stream: Have it sent in pieces: for proxies that hang up on silence. What comes back is the same.
        """
        reply = await self.post(url, chat(model, prompt, stream=stream), deadline_s=deadline_s)
        if isinstance(reply, Failed):
            return reply
        outcome = read(reply.status, reply.headers, reply.body, prompt=prompt, wall_s=time.time())
        return replace(outcome, seconds=reply.seconds)

    async def post(self, url: str, body: Mapping[str, Any], *, deadline_s: float) -> Reply | Failed:
        """The response to a body of one's own, sent to /chat/completions; `ask` without reading it."""
        return await self._exchange("POST", f"{url.rstrip('/')}/chat/completions", body, deadline_s)

    async def get(self, address: str, *, deadline_s: float) -> Reply | Failed:
        """The response of any address of the server."""
        return await self._exchange("GET", address, None, deadline_s)

    async def _exchange(self, method: str, address: str, body: Mapping[str, Any] | None, deadline_s: float) -> Reply | Failed:
        begin = time.monotonic()
        try:
            _check(address)
            async with asyncio.timeout(deadline_s):
                reply = await self._send(method, address, body)
        except TimeoutError:
            reply = Failed(trouble=Trouble.TIMEOUT, problem=f"no answer within {deadline_s:g} seconds")
        except KeyMissingError as error:
            reply = Failed(trouble=Trouble.UNAUTHORIZED, problem=str(error))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reply = _failed(error)
        return replace(reply, seconds=time.monotonic() - begin)

    async def _send(self, method: str, address: str, body: Mapping[str, Any] | None) -> Reply | Failed:
        key = "" if self._key is None else self._key.read()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()  # all ASCII: there is no text that it cannot say
        whole = bytearray()
        async with self._http.stream(method, address, content=content, headers=headers) as response:
            async for piece in response.aiter_bytes():
                whole += piece
                if len(whole) > self._most_bytes:
                    return Failed(trouble=Trouble.MALFORMED, problem=f"the answer is larger than {self._most_bytes:,} bytes")
            said = {name.lower(): value for name, value in response.headers.items()}
            told = bytes(whole.replace(key.encode(), b"***") if key else whole)  # a refusal may repeat the key that it was shown
            return Reply(status=response.status_code, headers=said, body=told, seconds=0.0)


def chat(model: str, prompt: Prompt, *, stream: bool = False) -> dict[str, Any]:
    """The body that asks `prompt` of `model`."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "max_tokens": prompt.max_tokens,
        "temperature": prompt.temperature,
    }
    return body | {"stream": True, "stream_options": {"include_usage": True}} if stream else body


def _check(address: str) -> None:
    """What the library finds out by an error of its own.

    Raises:
        httpx2.InvalidURL: The port is none.
    """
    if (httpx2.URL(address).port or 0) > _LAST_PORT:
        msg = "no such port"
        raise httpx2.InvalidURL(msg)


_LAST_PORT = 65_535


def _failed(error: httpx2.HTTPError | httpx2.InvalidURL) -> Failed:
    """What an error of the connection stands for. Its own text is not told: it may hold what was sent."""
    if isinstance(error, httpx2.ConnectError) and "SSL" in str(error):
        problem = "no safe connection: have it show a certificate that is trusted here, or write http:// if it has none"
        return Failed(trouble=Trouble.UNREACHABLE, problem=problem)
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return Failed(trouble=Trouble.UNREACHABLE, problem="nobody answers at the address; start the server, or correct the lane's url")
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
        return Failed(trouble=Trouble.BAD_REQUEST, problem="the lane's url is none; write one such as http://127.0.0.1:1234/v1")
    if isinstance(error, httpx2.DecodingError):
        return Failed(trouble=Trouble.MALFORMED, problem="the answer cannot be unpacked")
    return Failed(trouble=Trouble.CUT, problem=f"the connection broke before the answer was whole ({type(error).__name__})")
