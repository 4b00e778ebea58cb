"""How a caller in an event loop reaches a service: `tandem_rpc.channel`, for coroutines.

gRPC's own interceptors put a task and a queue between a stream and its messages; here every call is begun with the token and
the deadline instead, and then belongs to gRPC alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeAlias

import grpc
import grpc.aio

from tandem_rpc.channels import way_to
from tandem_rpc.options import DEFAULT_DEADLINE_S, DEFAULT_MESSAGE_BYTES
from tandem_rpc.tls import ClientTls
from tandem_rpc.token_file import TokenFile

_Begin: TypeAlias = Callable[..., Any]


def channel_async(
    address: str,
    *,
    token_file: Path | None = None,
    tls: ClientTls | None = None,
    plaintext: bool = False,
    deadline_s: float = DEFAULT_DEADLINE_S,
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES,
) -> grpc.aio.Channel:
    """A channel to the service at `address`, for the loop that is running. Args and errors are those of `tandem_rpc.channel`."""
    way = way_to(address, token=token_file is not None, tls=tls, plaintext=plaintext, max_message_bytes=max_message_bytes)
    shown = TokenFile(token_file) if token_file else None
    if way.credentials:
        return _Polite(grpc.aio.secure_channel(address, way.credentials, way.options), shown, deadline_s)
    return _Polite(grpc.aio.insecure_channel(address, way.options), shown, deadline_s)


class _Polite(grpc.aio.Channel):
    """Shows the token on every call and sets the deadline of unary ones; blind to what is said, so that is Any."""

    def __init__(self, bare: grpc.aio.Channel, token_file: TokenFile | None, deadline_s: float) -> None:
        self._bare, self._token_file, self._deadline_s = bare, token_file, deadline_s

    def unary_unary(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._begun(self._bare.unary_unary(*args, **options), self._deadline_s)

    def unary_stream(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._begun(self._bare.unary_stream(*args, **options), None)

    def stream_unary(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._begun(self._bare.stream_unary(*args, **options), None)

    def stream_stream(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return self._begun(self._bare.stream_stream(*args, **options), None)

    def _begun(self, begin: _Begin, deadline_s: float | None) -> Any:  # noqa: ANN401
        def polite(*said: Any, timeout: float | None = None, metadata: Any = None, **options: Any) -> Any:  # noqa: ANN401
            token = (("authorization", f"Bearer {self._token_file.first()}"),) if self._token_file else ()
            return begin(*said, timeout=deadline_s if timeout is None else timeout, metadata=(*(metadata or ()), *token), **options)

        return polite

    async def close(self, grace: float | None = None) -> None:
        """Close the connection once calls have ended, or after `grace` seconds."""
        await self._bare.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - gRPC's own signature
        """Whether there is a connection."""
        return self._bare.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the state is another."""
        await self._bare.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return when there is a connection."""
        await self._bare.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
