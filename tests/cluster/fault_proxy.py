"""A proxy before the API server that makes chosen requests fail in chosen ways, and a kubeconfig that leads to it.

    with fault_proxy(cluster.kubeconfig, folder, seed=7) as proxy:
        proxy.inject(Fault(kind=Kind.CONFLICT), verbs={"patch"}, path="/trainingruns/", probability=0.2)
        proxy.program([None, Fault(kind=Kind.LOST_ANSWER)], verbs={"create"}, path="/pods$")
        ...  # whoever uses proxy.kubeconfig
        proxy.cut_watches()
        proxy.clear()

It speaks HTTP/1.1 over TLS (client-go sends no token otherwise) and runs in a thread of its own. `exec` and `attach` do not pass.
"""

import asyncio
import base64
import json
import re
import ssl
import threading
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from tests.cluster.control.credentials import write_certificate, write_kubeconfig
from tests.cluster.faults import READS, WRITES, Fault, Kind, Request, Rule, at_random, status_of

_EVERYTHING = READS | WRITES
_HOP_BY_HOP = {"connection", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
_OF_WATCHES = {Kind.GONE, Kind.SILENT, Kind.CUT}
_NONE = Fault(kind=Kind.SLOW, seconds=0)
_MOST_BYTES = 64 << 20  # of a request
_PATIENCE_S = 300
_LEAVES_S = 30
_SILENCE_S = 3600  # longer than any client waits


class FaultProxy:
    """The proxy as a test sees it; every method may be called from any thread."""

    def __init__(self, seed: int) -> None:
        self.kubeconfig = Path()
        self.server = ""
        self._chance = Random(seed)
        self._rules: list[Rule] = []
        self._requests: list[Request] = []
        self._answers: list[tuple[Request, int]] = []
        self._given_up: list[Request] = []
        self._watches: set[asyncio.Event] = set()
        self._held: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def inject(self, fault: Fault, *, verbs: Collection[str] = _EVERYTHING, path: str = "", probability: float = 1) -> Rule:
        """From now on, give each such request this fault with this probability. Earlier rules go first."""
        return self._add(at_random(fault, probability, Random(self._chance.random())), verbs, path)

    def program(self, faults: Iterable[Fault | None], *, verbs: Collection[str] = _EVERYTHING, path: str = "") -> Rule:
        """Give the next such requests these faults, one each and in this order; None lets one pass."""
        return self._add(iter(list(faults)), verbs, path)

    def clear(self, rule: Rule | None = None) -> None:
        """Forget a rule, or all of them."""
        with self._lock:
            self._rules = [each for each in self._rules if rule and each is not rule]

    def cut_watches(self) -> None:
        """Cut all watches that are open now, in the middle of a line."""
        if self._loop:
            self._loop.call_soon_threadsafe(lambda: [each.set() for each in self._watches])

    def let_go(self) -> None:
        """Pass on all requests that are held now."""
        if self._loop:
            self._loop.call_soon_threadsafe(lambda: [each.set() for each in self._held])

    def requests(self, *, verbs: Collection[str] = _EVERYTHING, path: str = "") -> list[Request]:
        """What came so far, with the faults it met."""
        with self._lock:
            return [each for each in self._requests if each.verb in verbs and re.search(path, each.path)]

    def answered(self, status: int) -> list[Request]:
        """What the API server itself has answered with this status."""
        with self._lock:
            return [request for request, said in self._answers if said == status]

    def met(self, kind: Kind) -> int:
        """How many requests met this kind of fault."""
        return sum(each.fault is kind for each in self.requests())

    def given_up(self, request: Request) -> None:
        """Its client has hung up before the API server heard of it, and that never will."""
        with self._lock:
            self._given_up.append(request)

    @property
    def unheard(self) -> int:
        """How many requests were given up."""
        with self._lock:
            return len(self._given_up)

    def due(self, request: Request) -> Fault | None:
        """The fault of this request; it is noted down with it."""
        with self._lock:
            due = (next(rule.faults, None) for rule in self._rules if rule.concerns(request))
            fault = next((each for each in due if each), None)
            self._requests.append(replace(request, fault=fault.kind if fault else None))
        return fault

    def note(self, request: Request, status: int) -> None:
        """Keep what the API server has answered."""
        with self._lock:
            self._answers.append((request, status))

    def _add(self, faults: Iterable[Fault | None], verbs: Collection[str], path: str) -> Rule:
        rule = Rule(verbs=frozenset(verbs), path=re.compile(path), faults=iter(faults))
        with self._lock:
            self._rules.append(rule)
        return rule


@contextmanager
def fault_proxy(kubeconfig: Path, folder: Path, *, seed: int = 0, listen: str = "127.0.0.1") -> Generator[FaultProxy]:
    """A proxy to the API server of `kubeconfig`; its own kubeconfig is written into `folder`."""
    proxy = FaultProxy(seed)
    serving, stop = threading.Event(), asyncio.Event()
    write_certificate(folder, "proxy", "/CN=proxy", [f"IP:{listen}"])
    thread = threading.Thread(target=lambda: asyncio.run(_serve(proxy, kubeconfig, folder, listen, serving, stop)), daemon=True)
    thread.start()
    assert serving.wait(_PATIENCE_S), "the proxy did not start"
    proxy.kubeconfig = folder / "proxy.conf"
    write_kubeconfig(proxy.kubeconfig, proxy.server, _current(kubeconfig, "user")["token"], folder / "proxy.crt")
    try:
        yield proxy
    finally:
        assert proxy._loop
        proxy._loop.call_soon_threadsafe(stop.set)
        thread.join(_LEAVES_S)


async def _serve(  # noqa: PLR0917  all of it is the thread's
    proxy: FaultProxy, kubeconfig: Path, folder: Path, listen: str, serving: threading.Event, stop: asyncio.Event
) -> None:
    proxy._loop = asyncio.get_running_loop()
    identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    identity.load_cert_chain(folder / "proxy.crt", folder / "proxy.key")
    upstream = _current(kubeconfig, "cluster")
    trust = ssl.create_default_context(cadata=base64.b64decode(upstream["certificate-authority-data"]).decode())
    connector = aiohttp.TCPConnector(ssl=trust, limit=0)
    async with aiohttp.ClientSession(
        connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(), read_bufsize=_MOST_BYTES
    ) as session:
        forwarding = _Forwarding(proxy, session, upstream["server"])
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", forwarding.answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, listen, 0, ssl_context=identity)
        await site.start()
        proxy.server = f"https://{listen}:{runner.addresses[0][1]}"
        serving.set()
        await stop.wait()
        await runner.cleanup()


class _Forwarding:
    """One request after the other, from the client to the API server and back."""

    def __init__(self, proxy: FaultProxy, session: aiohttp.ClientSession, server: str) -> None:
        self._proxy, self._session, self._server = proxy, session, server

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = Request.of(request.method, request.path, request.query_string)
        fault = self._proxy.due(asked) or _NONE
        try:
            await self._wait(fault)
        except asyncio.CancelledError:
            self._proxy.given_up(asked)
            raise
        comes_later = fault.kind is Kind.TIMED_OUT or (fault.kind is Kind.GONE and asked.verb == "watch")
        if not comes_later and (refused := _refusal(fault)):
            return refused
        if fault.kind is Kind.LOST_REQUEST:
            return _broken(request)
        try:
            return await self._forward(request, fault, watched=asked.verb == "watch")
        except (ConnectionError, aiohttp.ClientError):  # the client has gone, or the API server is away
            return _broken(request)

    async def _wait(self, fault: Fault) -> None:
        """Until the request may be passed on."""
        if fault.kind is Kind.SLOW:
            await asyncio.sleep(fault.seconds)
        if fault.kind is Kind.HELD:
            passes = asyncio.Event()
            self._proxy._held.add(passes)
            try:
                await passes.wait()
            finally:
                self._proxy._held.discard(passes)

    async def _forward(self, request: web.Request, fault: Fault, *, watched: bool) -> web.StreamResponse:
        url = URL(self._server + request.raw_path, encoded=True)
        body = await request.read()
        async with self._session.request(request.method, url, headers=_passed(request.headers), data=body or None) as reply:
            self._proxy.note(Request.of(request.method, request.path, request.query_string), reply.status)
            if fault.kind is Kind.LOST_ANSWER:
                await reply.read()
                return _broken(request)
            if fault.kind is Kind.TIMED_OUT and (failed := _refusal(fault)):
                await reply.read()
                return failed
            answer = web.StreamResponse(status=reply.status, reason=reply.reason, headers=_passed(reply.headers))
            await answer.prepare(request)
            if watched:
                await self._watch(reply, answer, fault)
            else:
                async for chunk in reply.content.iter_any():
                    await answer.write(chunk)
            await answer.write_eof()
            return answer

    async def _watch(self, reply: aiohttp.ClientResponse, answer: web.StreamResponse, fault: Fault) -> None:
        """Pass events on, until the fault is due or somebody cuts."""
        cut = asyncio.Event()
        cutting = asyncio.ensure_future(cut.wait())
        self._proxy._watches.add(cut)
        line = None
        events = 0
        try:
            while not (fault.kind in _OF_WATCHES and events >= fault.events):
                line = asyncio.ensure_future(reply.content.readuntil(b"\n"))
                await asyncio.wait({line, cutting}, return_when=asyncio.FIRST_COMPLETED)
                if fault.kind is Kind.LATE:
                    await asyncio.wait({cutting}, timeout=fault.seconds)
                if cut.is_set():
                    line.cancel()
                    return await _end(answer, Kind.CUT)
                if not await line:
                    return None
                await answer.write(line.result())
                events += 1
            return await _end(answer, fault.kind)
        finally:
            cutting.cancel()
            if line:
                line.cancel()
            self._proxy._watches.discard(cut)


def _passed(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP]


async def _end(answer: web.StreamResponse, kind: Kind) -> None:
    """Bring a watch to its end in that way."""
    if kind is Kind.GONE:
        await answer.write(json.dumps({"type": "ERROR", "object": status_of(kind)}).encode() + b"\n")
    elif kind is Kind.SILENT:
        await asyncio.sleep(_SILENCE_S)
    else:
        await answer.write(b'{"type":"MODIFIED","object":{"ki')
        raise ConnectionResetError


def _refusal(fault: Fault) -> web.Response | None:
    """What the API server says instead of an answer, if it says anything."""
    status = status_of(fault.kind)
    if status is None:
        return None
    later = {"Retry-After": f"{fault.seconds:.0f}"} if fault.kind in {Kind.TOO_MANY, Kind.TIMED_OUT} else {}
    return web.json_response(status, status=status["code"], headers=later)


def _broken(request: web.Request) -> web.Response:
    """Break the client's connection; nobody reads what is returned."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def _current(kubeconfig: Path, what: str) -> dict[str, str]:
    """The cluster, or the user, of a kubeconfig's current context."""
    config = yaml.safe_load(kubeconfig.read_text())
    context = next(each["context"] for each in config["contexts"] if each["name"] == config["current-context"])
    return next(each[what] for each in config[f"{what}s"] if each["name"] == context[what])
