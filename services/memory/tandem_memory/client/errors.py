"""What can go wrong with a call, as one line and a type for each thing that a caller may want to do about it."""

import copy
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import grpc


_PLACE = re.compile(r"(records|queries)\[(\d+)\]")


class MemoryServiceError(Exception):
    """A call to the memory failed; the text is one line.

    Attributes:
        passing: Whether the same call may succeed in a moment; such calls have been tried again before this is raised.
    """

    passing = False

    def but_before(self, what: str) -> Self:
        """The same, which also says what was done before it happened."""
        other = copy.copy(self)
        other.args = (f"{self}; {what}",)
        return other


class UnreachableError(MemoryServiceError):
    """Nobody answers at the address, or the service is stopping."""

    passing = True


class BusyError(MemoryServiceError):
    """The service has no room for the call now: all its streams are open, or somebody else was faster."""

    passing = True


class RefusedError(MemoryServiceError):
    """The service cannot use what it was given.

    Attributes:
        field: Path of the field at fault, as the wire names it; empty when it is no single field's fault.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field

    @property
    def place(self) -> int | None:
        """Which of all records or queries is at fault, from 0; None when it is none of them by itself."""
        found = _PLACE.match(self.field)
        return int(found[2]) if found else None

    def counted_from(self, first: int) -> "RefusedError":
        """The same refusal of a part that began with record or query `first` of all that were sent: its field in the caller's counting."""

        def moved(text: str) -> str:
            return _PLACE.sub(lambda found: f"{found[1]}[{int(found[2]) + first}]", text, count=1)

        return RefusedError(moved(str(self)), field=moved(self.field))


class CursorTooOldError(RefusedError):
    """What was removed or judged behind a cursor is in part forgotten by now.

    Watch again without one: all that is there is told, then what comes. A record that was known and is not among that is gone.
    """


class NotThereError(MemoryServiceError):
    """There is no such namespace (yet), record or place."""


class FullError(MemoryServiceError):
    """The service takes in nothing: its disk is full or may not be written; or a backup's address is. What it has, it still serves."""


class DeniedError(MemoryServiceError):
    """The token is absent, wrong, or does not give the right to do this."""


class TooLateError(MemoryServiceError):
    """The answer did not come within the deadline; whether the call took effect is not known. Appends may be repeated under their keys."""


class BrokenError(MemoryServiceError):
    """The service failed in a way that it does not explain, or does not know the call: its log says more."""


class ClosedError(MemoryServiceError):
    """The client was closed under the call."""


_STREAMS = "streams:"  # how `tandem_rpc` begins its refusal of one stream too many; a full store says something else with that code
_BROKEN_WRITE = "Internal error from Core"  # what grpc.aio says of a write into a stream that has ended, whatever it ended with
_NO_WAY = ("failed to connect", "errors resolving")  # how gRPC begins when it cannot speak to a service at all
_FIXES = {  # what it goes on with, and what that means; the first that is found is said
    "errors resolving": "give the name or number of a machine",
    "Connection refused": "nobody listens there: start the service, or give the address that it logs",
    "CERTIFICATE_VERIFY_FAILED": "give the authority that its certificate is of",
    "failed to connect": "somebody is there and hangs up: try again if it is stopping, or give gRPC's address, with TLS if it has that",
}
_SILENT = "ping timeout"  # what gRPC says of a connection on which nothing comes any more, not even an answer to its pings
_TOO_LARGE = "larger than max"  # gRPC's own words, with the same code once more


def of(error: "grpc.RpcError", address: str) -> MemoryServiceError:
    """The error that gRPC's `error` stands for."""
    from tandem_rpc import refused_field

    code, details = error.code().name, error.details() or ""
    text = f"memory at {address}: {' '.join(details.split())}"
    if code == "RESOURCE_EXHAUSTED":
        return _exhausted(text, details)
    if code == "INTERNAL" and details == _BROKEN_WRITE:
        return UnreachableError(f"memory at {address}: the stream broke")
    if code == "UNAVAILABLE" and _SILENT in details:
        return UnreachableError(f"memory at {address}: has fallen silent; see whether it hangs, or the network between is gone")
    if code in _REFUSALS:
        return _REFUSALS[code](text, field=refused_field(error) or "")
    kind = _KINDS.get(code)
    if details.startswith(_NO_WAY):
        text += next((f"; {fix}" for words, fix in _FIXES.items() if words in details), "")
    return kind(text) if kind else BrokenError(f"{text} ({code})")


@contextmanager
def counted_from(first: int) -> Generator[None]:
    """Names records by their place among all that were sent, where a part is sent that begins with record `first`."""
    try:
        yield
    except RefusedError as error:
        raise error.counted_from(first) from error


def in_all(error: MemoryServiceError, answered: int) -> MemoryServiceError:
    """The error that a stream ended with, its places counted over all that was put; `answered` is how much was answered before."""
    return error.counted_from(answered) if isinstance(error, RefusedError) else error


def ended(address: str) -> UnreachableError:
    """What is said of a stream that the service ended without a word, as it does when it stops."""
    return UnreachableError(f"memory at {address}: the service ended the stream")


def closed(address: str) -> ClosedError:
    """What is said of a call on a channel that was closed."""
    return ClosedError(f"memory at {address}: the client is closed")


def _exhausted(text: str, details: str) -> MemoryServiceError:
    if details.startswith(_STREAMS):
        return BusyError(text)
    return RefusedError(text) if _TOO_LARGE in details else FullError(text)


_REFUSALS: dict[str, type[RefusedError]] = {
    "INVALID_ARGUMENT": RefusedError,
    "FAILED_PRECONDITION": RefusedError,
    "OUT_OF_RANGE": CursorTooOldError,
}
_KINDS: dict[str, type[MemoryServiceError]] = {
    "UNAVAILABLE": UnreachableError,
    "ABORTED": BusyError,
    "NOT_FOUND": NotThereError,
    "UNAUTHENTICATED": DeniedError,
    "PERMISSION_DENIED": DeniedError,
    "DEADLINE_EXCEEDED": TooLateError,
    "CANCELLED": ClosedError,
}
