"""How connections behave, on both sides: sizes, pings, reconnects. Names are those of grpc/impl/channel_arg_names.h."""

from collections.abc import Mapping

DEFAULT_MESSAGE_BYTES = 4 * 1024 * 1024  # gRPC's own limit for what is received; here it holds for what is sent, too
DEFAULT_DEADLINE_S = 30.0

_CHANNEL: Mapping[str, int] = {
    # Network load balancers and NATs forget silent connections after 60 to 350 s; half of the shortest keeps all of them.
    "grpc.keepalive_time_ms": 30_000,
    # Where the other side was stopped, or its machine or the network is gone, whoever listens hears of it 50 s after the last word. gRPC
    # goes by the second of these two, which would be a minute. A machine that is overloaded, or asleep for a moment, answers sooner.
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.ping_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.max_pings_without_data": 0,
    # A service that was restarted is found again within a second or two; the default would wait up to two minutes. The minimum is
    # not between tries: it is how long one of them may take, a handshake over a slow network among it.
    "grpc.initial_reconnect_backoff_ms": 250,
    "grpc.min_reconnect_backoff_ms": 5_000,
    "grpc.max_reconnect_backoff_ms": 1_000,
    # Callers and services meet on one machine or in one cluster: a proxy meant for the internet is never on that way.
    "grpc.enable_http_proxy": 0,
}

_SERVER: Mapping[str, int] = {
    # A node that lost power says nothing: its streams end after 80 s instead of never.
    "grpc.keepalive_time_ms": 60_000,
    "grpc.keepalive_timeout_ms": 20_000,
    "grpc.http2.ping_timeout_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    # Our clients ping every 30 s; the default takes anything under 5 minutes for an attack and hangs up.
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
    # By default two servers may share a port, and each gets a part of the calls.
    "grpc.so_reuseport": 0,
}


def channel_options(max_message_bytes: int) -> list[tuple[str, int]]:
    """Options of a channel."""
    return [*_CHANNEL.items(), *_sizes(max_message_bytes)]


def server_options(max_message_bytes: int) -> list[tuple[str, int]]:
    """Options of a server."""
    return [*_SERVER.items(), *_sizes(max_message_bytes)]


def _sizes(max_message_bytes: int) -> list[tuple[str, int]]:
    return [("grpc.max_receive_message_length", max_message_bytes), ("grpc.max_send_message_length", max_message_bytes)]
