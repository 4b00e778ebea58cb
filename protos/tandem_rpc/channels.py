"""How a caller reaches a service: one channel, with its token on every call and a deadline on every unary one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import grpc

from tandem_rpc import exposure
from tandem_rpc.options import DEFAULT_DEADLINE_S, DEFAULT_MESSAGE_BYTES, channel_options
from tandem_rpc.tls import ClientTls, channel_credentials
from tandem_rpc.token_file import TokenFile
from tandem_rpc.turns import OwnThread, Requests

_OWN_THREAD = "SingleThreadedUnaryStream"  # of grpc.experimental.ChannelOptions, which has no types
_Go: TypeAlias = Callable[..., Any]


def channel(
    address: str,
    *,
    token_file: Path | None = None,
    tls: ClientTls | None = None,
    plaintext: bool = False,
    deadline_s: float = DEFAULT_DEADLINE_S,
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
    own_thread: bool = False,
) -> grpc.Channel:
    """A channel to the service at `address`. It connects when first used, and again whenever the connection is lost.

    Args:
        address: "host:port".
        token_file: Where the bearer token is read, anew when the file changes.
        tls: Given, the connection is encrypted and the server proves who it is.
        plaintext: States that the network itself protects what is sent, so that a token may leave this machine without TLS.
        deadline_s: For unary calls that name none themselves.
        max_message_bytes: Largest message, both ways.
        own_thread: Streams of answers are read by the thread that asks for them. Otherwise gRPC takes one more for each, and on a machine
            that has none left such a channel can neither be used nor closed any more.

    Raises:
        RpcSetupError: when any of these cannot be used; one line with the fix.
    """
    way = way_to(address, token=token_file is not None, tls=tls, plaintext=plaintext, max_message_bytes=max_message_bytes)
    options = [*way.options, *([(_OWN_THREAD, 1)] if own_thread else [])]
    bare = grpc.secure_channel(address, way.credentials, options) if way.credentials else grpc.insecure_channel(address, options)
    return grpc.intercept_channel(bare, _Manners(bare, TokenFile(token_file) if token_file else None, deadline_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a connection is made; without `credentials` in plain text."""

    credentials: grpc.ChannelCredentials | None
    options: list[tuple[str, int | str]]


def way_to(address: str, *, token: bool, tls: ClientTls | None, plaintext: bool, max_message_bytes: int) -> Way:
    """The way to `address`, that a token may or may not be sent on.

    Raises:
        RpcSetupError: when there is none that is allowed.
    """
    exposure.host_of(address)
    exposure.check_channel(address, token=token, tls=tls is not None, plaintext=plaintext)
    options: list[tuple[str, int | str]] = [*channel_options(max_message_bytes)]
    if tls and tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))
    return Way(credentials=channel_credentials(tls) if tls else None, options=options)


@dataclass(frozen=True, kw_only=True)
class _Details(grpc.ClientCallDetails):
    """The fields that gRPC reads off a call that is about to be made."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class _Manners(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Shows the token, sets the deadline, and has streams on which both sides take turns spoken by the thread that asks.

    An interceptor, because gRPC's own call credentials are not sent without TLS, not even on loopback. It is blind to what
    it passes on, so requests and answers are Any.
    """

    def __init__(self, bare: grpc.Channel, token_file: TokenFile | None, deadline_s: float) -> None:
        self._bare, self._token_file, self._deadline_s = bare, token_file, deadline_s

    def intercept_unary_unary(self, continuation: _Go, client_call_details: grpc.ClientCallDetails, request: Any) -> Any:  # noqa: ANN401
        details = self._shown(client_call_details)
        return continuation(details if details.timeout is not None else replace(details, timeout=self._deadline_s), request)

    def intercept_unary_stream(self, continuation: _Go, client_call_details: grpc.ClientCallDetails, request: Any) -> Any:  # noqa: ANN401
        return continuation(self._shown(client_call_details), request)

    def intercept_stream_unary(self, continuation: _Go, client_call_details: grpc.ClientCallDetails, request_iterator: Any) -> Any:  # noqa: ANN401
        return continuation(self._shown(client_call_details), request_iterator)

    def intercept_stream_stream(self, continuation: _Go, client_call_details: grpc.ClientCallDetails, request_iterator: Any) -> Any:  # noqa: ANN401
        details = self._shown(client_call_details)
        own = OwnThread.begun(self._bare, details) if isinstance(request_iterator, Requests) else None
        return own or continuation(details, request_iterator)

    def _shown(self, call: grpc.ClientCallDetails) -> _Details:
        token = (("authorization", f"Bearer {self._token_file.first()}"),) if self._token_file else ()
        return _Details(
            method=call.method,
            timeout=call.timeout,
            metadata=(*(call.metadata or ()), *token),
            credentials=call.credentials,
            wait_for_ready=call.wait_for_ready,
            compression=call.compression,
        )
