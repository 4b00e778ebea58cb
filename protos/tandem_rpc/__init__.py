"""The one way to speak Tandem's wire: nothing else opens a socket for gRPC.

TLS when given certificates, bearer tokens from a file or verified one by one, deadlines, size limits, health, graceful stop.
Server reflection is off: who may speak to a service has its .proto files.
"""

import tandem  # noqa: F401 # pyright: ignore[reportUnusedImport] - it settles how gRPC reads, before what follows loads it

from tandem_rpc.asynchronous.channels import channel_async
from tandem_rpc.asynchronous.server import AsyncServer, serve_async
from tandem_rpc.callers import Caller, Verifier, caller
from tandem_rpc.calls import Streams
from tandem_rpc.channels import channel
from tandem_rpc.errors import Refused, RpcSetupError, invalid, refused_field
from tandem_rpc.server import Server, serve
from tandem_rpc.tls import ClientTls, ServerTls
from tandem_rpc.turns import Turns

__all__ = [
    "AsyncServer",
    "Caller",
    "ClientTls",
    "Refused",
    "RpcSetupError",
    "Server",
    "ServerTls",
    "Streams",
    "Turns",
    "Verifier",
    "caller",
    "channel",
    "channel_async",
    "invalid",
    "refused_field",
    "serve",
    "serve_async",
]
