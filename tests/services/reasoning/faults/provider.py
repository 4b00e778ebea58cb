"""A provider of language models with faults: a real server does the answering, and this stands before it.

It may refuse, be slow, break off, or keep less than it claims; it never answers by itself. Faults are told by `Faults`, and can be
changed while it serves; what it charged is in its `account`, and under /stats.
"""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector, web

from tests.services.reasoning.faults import refusal, upstream
from tests.services.reasoning.faults.account import Account
from tests.services.reasoning.faults.faults import Fate, Faults, Quirk, fate
from tests.services.reasoning.faults.gate import Gate, estimated_tokens
from tests.services.reasoning.faults.refusal import Refusal

_MOST_ANSWERED = 16  # tokens, where the caller does not say: the servers' own default
_UPSTREAM_S = 120


class Provider:
    """One provider, in a thread of its own.

    Attributes:
        account: Its book.
        model: Name of the model behind it.
    """

    def __init__(self, behind: str, model: str, faults: Faults) -> None:
        self.account = Account()
        self.model = model
        self._behind = behind.rstrip("/")
        self._loop = asyncio.new_event_loop()
        self._faults, self._gate = faults, Gate(faults, self._loop.time())
        self._seen: Counter[str] = Counter()
        self._inside = 0
        self._one_by_one = asyncio.Lock()
        self._port = 0

    @property
    def url(self) -> str:
        """Base address, up to and including /v1."""
        return f"http://127.0.0.1:{self._port}/v1"

    def change(self, faults: Faults) -> None:
        """Behave like this from now on, with fresh limits; the account goes on."""
        asyncio.run_coroutine_threadsafe(self._change(faults), self._loop).result()

    async def _change(self, faults: Faults) -> None:
        self._faults, self._gate = faults, Gate(faults, self._loop.time())

    def run(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Serve until told to stop."""
        self._loop.run_until_complete(self._serve(ready, stop))
        self._loop.close()

    def stop(self, stop: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(stop.set)

    async def _serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        application = web.Application(client_max_size=1 << 24)
        application.add_routes(
            [
                web.post("/v1/chat/completions", self._chat),
                web.get("/v1/models", self._models),
                web.get("/health", self._health),
                web.get("/stats", self._stats),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        timeout = ClientTimeout(total=_UPSTREAM_S)
        # A connection for each call: one that was kept may be hung up just when it is used again.
        async with ClientSession(timeout=timeout, connector=TCPConnector(force_close=True, limit=0)) as self._session:
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
            await site.start()
            self._port = runner.addresses[0][1]
            ready.set()
            await stop.wait()
            await runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        loading = self._loop.time() < self._gate.opened + self._faults.warm_up_s
        return _refused(refusal.LOADING) if loading else web.json_response({"status": "ok"})

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.account.told())

    async def _models(self, _: web.Request) -> web.Response:
        if Quirk.BROKEN_MODELS in self._faults.quirks:
            return _refused(refusal.error(500))
        listed = [] if Quirk.EMPTY_MODELS in self._faults.quirks else [{"id": self.model, "object": "model"}]
        return web.json_response({"object": "list", "data": listed})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self._inside += 1
        self.account.most_at_once = max(self.account.most_at_once, self._inside)
        try:
            answer = await self._answer(request)
        finally:
            self._inside -= 1
        self.account.statuses[answer.status] += 1
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        body = _read(content)
        if body is None:
            return _refused(refusal.BAD_BODY)
        estimated = estimated_tokens(content, int(body.get("max_tokens") or body.get("max_completion_tokens") or _MOST_ANSWERED))
        authorization = request.headers.get("Authorization", "")
        now, spent = self._loop.time(), self.account.spent_nano
        if refused := self._gate.refuses(authorization=authorization, spent_nano=spent, tokens=estimated, now=now):
            return _refused(refused)
        met = self._met(content)
        if met.error:
            self._gate.correct(estimated=estimated, used=0, now=now)
            return _refused(refusal.error(met.error))
        return await self._computed(request, body, met, estimated)

    def _met(self, content: bytes) -> Fate:
        digest = hashlib.sha256(content).hexdigest()
        self._seen[digest] += 1
        return fate(self._faults, content, self._seen[digest] - 1)

    async def _computed(self, request: web.Request, body: dict[str, Any], met: Fate, estimated: int) -> web.StreamResponse:
        faults = self._faults
        async with self._one_by_one if Quirk.SERIAL in faults.quirks else contextlib.nullcontext():
            await asyncio.sleep(met.wait_s)
            try:
                status, kind, content = await upstream.asked(
                    self._session,
                    f"{self._behind}/chat/completions",
                    upstream.forwarded(body, faults.quirks),
                    upstream.choices(body, faults.quirks),
                )
            except (ClientError, TimeoutError):
                return _refused(refusal.UPSTREAM_GONE)
        if status != 200:
            return web.Response(status=status, body=content, content_type=kind)
        usage = upstream.used(kind, content)
        listens = request.transport is not None and not request.transport.is_closing()
        self.account.charge(usage, faults.price, delivered=listens and met.arrives == 1)
        self._gate.correct(estimated=estimated, used=usage.input_tokens + usage.output_tokens, now=self._loop.time())
        return await self._handed_over(request, kind, upstream.shown(kind, content, faults.quirks), met.arrives)

    async def _handed_over(self, request: web.Request, kind: str, content: bytes, arrives: float) -> web.StreamResponse:
        headers = self._gate.headers(self._loop.time())
        if arrives == 1:
            return web.Response(body=content, content_type=kind, headers=headers)
        answer = web.StreamResponse(headers={**headers, "Content-Type": kind, "Content-Length": str(len(content))})
        with contextlib.suppress(ConnectionError):  # who has left already does not miss the rest
            await answer.prepare(request)
            await answer.write(content[: int(len(content) * arrives)])
        if request.transport:
            request.transport.close()
        return answer


@contextmanager
def providing(behind: str, model: str, faults: Faults) -> Generator[Provider]:
    """A provider before the server at `behind`, such as http://127.0.0.1:1234/v1, gone at the end."""
    provider = Provider(behind, model, faults)
    ready, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=provider.run, args=(ready, stop), daemon=True)
    thread.start()
    assert ready.wait(300), "the provider does not start"
    try:
        yield provider
    finally:
        provider.stop(stop)
        thread.join()


def _read(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("messages"), list) else None


def _refused(why: Refusal) -> web.Response:
    return web.json_response(why.body, status=why.status, headers=why.headers)
