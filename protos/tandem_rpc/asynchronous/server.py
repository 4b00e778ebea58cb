"""How a service of an event loop is reached: `tandem_rpc.serve`, without a thread for each call."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tandem_rpc import exposure
from tandem_rpc.asynchronous.calls import Identified, Manners
from tandem_rpc.callers import Caller, Verifier
from tandem_rpc.calls import Streams, shown_token
from tandem_rpc.options import DEFAULT_DEADLINE_S, DEFAULT_MESSAGE_BYTES, server_options
from tandem_rpc.server import DEFAULT_STREAMS, KnownBy, known_by, listening
from tandem_rpc.tls import ServerTls

_VERIFYING_THREADS = 16  # as many as wait for a verifier at once; further calls wait for them


class AsyncServer:
    """A server that is listening.

    Attributes:
        port: Where it listens; the one that was given by the system when it was asked for port 0.
    """

    def __init__(self, server: grpc.aio.Server, probed: Any, services: Iterable[str], port: int) -> None:  # noqa: ANN401 - it comes without types
        self._server, self._probed, self._services, self.port = server, probed, ("", *services), port

    async def tell_probes(self, *, serving: bool) -> None:
        """Say whether all services do what they are for. Calls are answered all the same."""
        status = health_pb2.HealthCheckResponse
        for service in self._services:
            await self._probed.set(service, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, tell probes so, give those in progress `grace_s` to end, then cancel them. Returns when done."""
        await self._probed.enter_graceful_shutdown()
        await self._server.stop(grace_s)


async def serve_async(
    address: str,
    services: Mapping[str, Callable[[grpc.aio.Server], None]],
    *,
    token_file: Path | None = None,
    verifier: Verifier | None = None,
    tls: ServerTls | None = None,
    plaintext: bool = False,
    streams: Streams = DEFAULT_STREAMS,
    deadline_s: float = DEFAULT_DEADLINE_S,
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
) -> AsyncServer:
    """Start to listen, in the loop that is running.

    Args and errors are those of `tandem_rpc.serve`. A verifier is asked in threads of its own, as it may take its time.
    """
    client_ca = tls is not None and tls.client_ca is not None
    known = known_by(token_file, verifier)
    exposure.check_server(address, token=known is not None, tls=tls is not None, client_ca=client_ca, plaintext=plaintext)
    manners = Manners(_identified(known, apart=verifier is not None) if known else None, streams, deadline_s)
    server = grpc.aio.server(interceptors=[manners], options=server_options(max_message_bytes))
    for add in services.values():
        add(server)
    probed = await _probed(server, services)
    port = listening(server, address, tls)
    await server.start()
    return AsyncServer(server, probed, services, port)


def _identified(known: KnownBy, *, apart: bool) -> Identified:
    """Who shows a token; looked up in threads if it takes somebody else to say so, and at once if a file does."""
    threads = ThreadPoolExecutor(_VERIFYING_THREADS, thread_name_prefix="tandem-rpc-verifier") if apart else None

    async def identified(metadata: Mapping[str, str | bytes]) -> Caller | None:
        token = shown_token(metadata, known.wanted)
        return await asyncio.get_running_loop().run_in_executor(threads, known.known, token) if threads else known.known(token)

    return identified


async def _probed(server: grpc.aio.Server, services: Mapping[str, object]) -> Any:  # noqa: ANN401 - it comes without types
    """Answers probes: serving, the server and each of its services, until it stops."""
    servicer = cast("Any", health).aio.HealthServicer()
    for service in ("", *services):
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    cast("Any", health_pb2_grpc).add_HealthServicer_to_server(servicer, server)
    return servicer
