"""What can be wrong: with our own settings (RpcSetupError), or with a call (Refused). Always one line: field, value, fix.

A refused call carries a code of gRPC and the offending field as trailing metadata, the short form of google.rpc.BadRequest
that needs no further message types.
"""

from collections.abc import Iterable
from typing import cast

import grpc

FIELD_KEY = "tandem-field"


class RpcSetupError(ValueError):
    """A server or channel cannot be made from what it was given."""


class UnboundError(RpcSetupError):
    """An address is somebody else's at this moment, or not of this machine: the one thing that may pass by itself."""


class Refused(Exception):  # noqa: N818 - it says what happened to the call; nothing broke
    """Raised inside a service's method to end the call; the server turns it into a status.

    Attributes:
        code: One of gRPC's status codes.
        message: One line for a person: field, value, fix.
        field: Path of the offending field in the request, if it is one field's fault.
    """

    def __init__(self, code: grpc.StatusCode, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def invalid(field: str, problem: str) -> Refused:
    """The refusal of a request whose `field` cannot be used, `problem` being value and fix."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {problem}", field=field)


def refused_field(error: grpc.RpcError) -> str | None:
    """The field that a server named when it refused the call; None when it named none."""
    said = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    return next((str(value) for key, value in said if key == FIELD_KEY), None)
