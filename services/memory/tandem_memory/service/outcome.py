"""How what happens to a call is told: to its caller as a status of gRPC, and to the figures of the service."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

import grpc
from tandem_objects import AccessDenied, InvalidAddress, ObjectError, StoreFull
from tandem_rpc import Refused, invalid

from tandem_memory.acceptance import UnacceptableError
from tandem_memory.backend import (
    CursorError,
    CursorTooOldError,
    DamagedError,
    DimensionError,
    EmbeddingError,
    ReadingLostError,
    StoreFullError,
    StoreRemovedError,
    StoreUnavailableError,
    StoreUnsureError,
    UnknownNamespaceError,
)
from tandem_memory.figures import Figures
from tandem_memory.moves.backup import BackupError


@dataclass(frozen=True, slots=True)
class _Call:
    name: str
    namespace: str
    about: str


@contextmanager
def told(figures: Figures, call: str, namespace: str = "", *, about: str = "", timed: bool = True) -> Generator[None]:
    """Tell how a call went.

    Args:
        figures: Where it is counted.
        call: The method, as the wire calls it.
        namespace: Which namespace it is about.
        about: The field that vectors, cursors or ids of the call are in.
        timed: Whether it says something how long it takes: a stream is as long as its caller likes.

    Raises:
        Refused: in place of what a backend raises.
    """
    began_s = perf_counter()
    try:
        yield
    except Exception as error:
        refused = refusal(error, _Call(call, namespace, about))
        if refused is None:
            raise
        figures.refused(call, refused.code.name)
        raise refused from None
    if timed:
        figures.answered(call, perf_counter() - began_s)


def refusal(error: Exception, call: _Call) -> Refused | None:
    """What a caller is told of `error`; None if it is a mistake of ours."""
    say = next((say for kind, say in _SAID.items() if isinstance(error, kind)), None)
    return say(error, call) if say else None


def _itself(error: Refused, _: _Call) -> Refused:
    return error


def _unacceptable(error: UnacceptableError, _: _Call) -> Refused:
    return invalid(error.field, error.problem)


def _unknown(_: UnknownNamespaceError, call: _Call) -> Refused:
    message = f"namespace: {call.namespace!r} is not there yet; it begins with its first record"
    return Refused(grpc.StatusCode.NOT_FOUND, message, field="namespace")


def _full(error: StoreFullError, call: _Call) -> Refused:
    fix = "prune or give it room, all that is there is served meanwhile"
    message = f"{call.name.lower()}: the disk is full or may not be written ({error}); {fix}"
    return Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, message)


def _unsure(error: StoreUnsureError, call: _Call) -> Refused:
    what = f"it is written, and whether it would outlive a power cut is not known ({error})"
    return Refused(grpc.StatusCode.UNAVAILABLE, f"{call.name.lower()}: {what}; ask for the same again, under the same keys")


def _removed(error: StoreRemovedError, call: _Call) -> Refused:
    return Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{call.name.lower()}: {error}")


def _dimension(error: DimensionError, call: _Call) -> Refused:
    field = call.about if error.at is None else f"{call.about}[{error.at}].vector"
    return invalid(field, f"{error.given} dimensions, namespace {call.namespace!r} has {error.wanted}; send {error.wanted}")


def _embedding(error: EmbeddingError, call: _Call) -> Refused:
    problem = f"embedded by {error.given}, namespace {call.namespace!r} is embedded by {error.wanted}; use that, or another namespace"
    return invalid(call.about, problem)


def _cursor(error: CursorError, call: _Call) -> Refused:
    return invalid(call.about, f"{error}; send what this service gave")


def _too_old(error: CursorTooOldError, call: _Call) -> Refused:
    message = f"{call.about}: {error}; watch without a cursor, which tells all that is there, and goes on from that"
    return Refused(grpc.StatusCode.OUT_OF_RANGE, message, field=call.about)


def _unavailable(error: StoreUnavailableError, call: _Call) -> Refused:
    return Refused(grpc.StatusCode.UNAVAILABLE, f"{call.name.lower()}: {error}; try again, under the same keys")


def _damaged(error: DamagedError, _: _Call) -> Refused:
    return Refused(
        grpc.StatusCode.DATA_LOSS,
        f"store: {error}; check says what else is wrong, a backup brings it back (skip_damaged: an export or a watch goes on without it)",
    )


def _lost(error: ReadingLostError, call: _Call) -> Refused:
    return Refused(grpc.StatusCode.ABORTED, f"{call.name.lower()}: {error}; begin again")


def _address(error: InvalidAddress, _: _Call) -> Refused:
    return invalid("uri", str(error))


def _object(error: ObjectError, _: _Call) -> Refused:
    code = grpc.StatusCode.UNAVAILABLE if error.retryable else grpc.StatusCode.FAILED_PRECONDITION
    if isinstance(error, AccessDenied | StoreFull):
        code = grpc.StatusCode.RESOURCE_EXHAUSTED  # no fault of who asks: as of a store that may not be written
    return Refused(code, f"backup: {error}")


def _backup(error: BackupError, _: _Call) -> Refused:
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, f"backup: {error}")


_Say: TypeAlias = Callable[[Any, _Call], Refused]
_SAID: Mapping[type[Exception], _Say] = {
    Refused: _itself,
    UnacceptableError: _unacceptable,
    UnknownNamespaceError: _unknown,
    StoreRemovedError: _removed,
    StoreUnsureError: _unsure,
    StoreFullError: _full,
    DimensionError: _dimension,
    EmbeddingError: _embedding,
    CursorTooOldError: _too_old,
    CursorError: _cursor,
    StoreUnavailableError: _unavailable,
    DamagedError: _damaged,
    ReadingLostError: _lost,
    InvalidAddress: _address,
    ObjectError: _object,
    BackupError: _backup,
}
