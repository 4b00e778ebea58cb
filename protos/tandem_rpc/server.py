"""How a service is reached: a gRPC server that knows its callers, bounds what they may take, and stops in good order."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from tandem_rpc import exposure
from tandem_rpc.callers import Known, Verifier, sharing
from tandem_rpc.calls import CountedStreams, Deadlines, KnownCallers, Refusals, Streams
from tandem_rpc.errors import RpcSetupError, UnboundError
from tandem_rpc.health import Health
from tandem_rpc.options import DEFAULT_DEADLINE_S, DEFAULT_MESSAGE_BYTES, server_options
from tandem_rpc.tls import ServerTls, server_credentials
from tandem_rpc.token_file import TokenFile

_UNARY_THREADS = 16
DEFAULT_STREAMS = Streams()


class Server:
    """A server that is listening.

    Attributes:
        port: Where it listens; the one that was given by the system when it was asked for port 0.
    """

    def __init__(self, server: grpc.Server, health: Health, port: int) -> None:
        self._server, self._health, self.port = server, health, port

    def stop(self, grace_s: float) -> None:
        """Take no new calls, tell probes so, give those in progress `grace_s` to end, then cancel them. Returns when done."""
        self._health.stop()
        self._server.stop(grace_s).wait()


def serve(
    address: str,
    services: Mapping[str, Callable[[grpc.Server], None]],
    *,
    token_file: Path | None = None,
    verifier: Verifier | None = None,
    tls: ServerTls | None = None,
    plaintext: bool = False,
    streams: Streams = DEFAULT_STREAMS,
    deadline_s: float = DEFAULT_DEADLINE_S,
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
) -> Server:
    """Start to listen.

    Args:
        address: "host:port"; port 0 takes a free one.
        services: What is served: the full name of each service, and what adds it to a server.
        token_file: Tokens that callers must show one of, read anew when the file changes. None asks for none.
        verifier: Says whose the token is that a caller shows, in place of a token file; methods then ask `caller`.
        tls: Given, all connections are encrypted.
        plaintext: States that the network itself protects what is sent, so that other machines may connect without TLS.
        streams: How many streaming calls may be open at once.
        deadline_s: Longest time for a unary call.
        max_message_bytes: Largest message, both ways.

    Raises:
        RpcSetupError: when any of these cannot be used; one line with the fix.
    """
    client_ca = tls is not None and tls.client_ca is not None
    known = known_by(token_file, verifier)
    exposure.check_server(address, token=known is not None, tls=tls is not None, client_ca=client_ca, plaintext=plaintext)
    callers = [KnownCallers(known.known, known.wanted)] if known else []
    server = grpc.server(
        ThreadPoolExecutor(streams.all + _UNARY_THREADS, thread_name_prefix="tandem-rpc"),
        interceptors=[
            Refusals(),
            *callers,
            CountedStreams(streams),
            Deadlines(deadline_s, _UNARY_THREADS),
        ],
        options=server_options(max_message_bytes),
    )
    for add in services.values():
        add(server)
    health = Health(server, services)
    port = listening(server, address, tls)
    server.start()
    return Server(server, health, port)


@dataclass(frozen=True, slots=True)
class KnownBy:
    """Who is let in.

    Attributes:
        known: Says whose a token is.
        wanted: What callers are to send, in words.
    """

    known: Known
    wanted: str


def known_by(token_file: Path | None, verifier: Verifier | None) -> KnownBy | None:
    """How callers are known; None when nobody is asked.

    Raises:
        RpcSetupError: when it is not clear which of the two lets in.
    """
    if token_file is not None and verifier is not None:
        msg = f"token_file: {token_file} is given, and a verifier of callers, too; give one of the two"
        raise RpcSetupError(msg)
    if verifier is not None:
        return KnownBy(verifier, "a token of yours")
    if token_file is not None:
        return KnownBy(sharing(TokenFile(token_file)), "the token that this service reads from its token file")
    return None


def listening(server: grpc.Server | grpc.aio.Server, address: str, tls: ServerTls | None) -> int:
    """The port at which `server` will listen.

    Raises:
        UnboundError: when it cannot.
    """
    credentials = server_credentials(tls) if tls else None
    try:
        port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        msg = f"listen: {address} cannot be bound; give an address of this machine and a free port, or port 0"
        raise UnboundError(msg)
    return port
