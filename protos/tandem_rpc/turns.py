"""A stream on which both sides take turns, spoken by the thread that asks: each request waits for the answer to the one before.

gRPC speaks such a stream with two threads beside the caller's, and the interpreter changes hands four times for an answer. It waits for
the wire in the caller's own thread only where a call has one request. So this speaks with gRPC's inside (`cygrpc`), which is not
promised to stay as it is: where it is otherwise, gRPC's own stream is taken, and all that is lost is the time.
"""

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Generic, Protocol, Self, TypeVar, cast

import grpc

_INSIDE = "grpc._cython.cygrpc"
_STATUS = {code.value[0]: code for code in grpc.StatusCode}
_PLAIN = 0  # flags: none


class Message(Protocol):
    """A message of the wire."""

    def SerializeToString(self) -> bytes:  # noqa: N802 - protobuf's name
        """As it is sent."""
        ...


Q = TypeVar("Q", bound=Message)
A = TypeVar("A")


class Turns(Generic[Q, A]):
    """The side that asks. One thread at a time may use it.

    Args:
        method: A streaming method of a stub on a channel of ours.
        parsed: Makes an answer of what was sent.
        timeout_s: How long the stream may be open.
    """

    def __init__(self, method: "grpc.StreamStreamMultiCallable[Q, A]", parsed: Callable[[bytes], A], timeout_s: float) -> None:
        self._requests = Requests[Q]()
        self._call = method(self._requests, timeout=timeout_s)
        self._own = self._call if isinstance(self._call, OwnThread) else None
        self._parsed = parsed

    def ask(self, request: Q) -> A | None:
        """The answer; None when the other side has ended the stream.

        Raises:
            grpc.RpcError: when it ended for a reason.
        """
        if self._own is None:
            self._requests.put(request)
            return next(cast("Iterator[A]", self._call), None)
        answer = self._own.ask(request.SerializeToString())
        return None if answer is None else self._parsed(answer)

    def end(self) -> None:
        """Say nothing more."""
        self._requests.put(None)
        self._call.cancel()


class Requests(Iterator[Q]):
    """What is asked, where gRPC takes it out itself."""

    def __init__(self) -> None:
        self._said = SimpleQueue[Q | None]()

    def put(self, request: Q | None) -> None:
        """Have it sent; None is the last."""
        self._said.put(request)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Q:
        request = self._said.get()
        if request is None:
            raise StopIteration
        return request


class OwnThread:
    """A call that only the thread which asks works on.

    Args:
        call: gRPC's.
        inside: Where its operations are.
        due: How many events it owes.
    """

    def __init__(self, call: Any, inside: Any, due: int) -> None:  # noqa: ANN401 - gRPC's inside has no types
        self._call, self._inside, self._due = call, inside, due
        self._ended: Any = None

    @classmethod
    def begun(cls, channel: grpc.Channel, details: grpc.ClientCallDetails) -> "OwnThread | None":
        """A call on a bare channel; None where gRPC's inside is not as it was."""
        try:
            cygrpc: Any = import_module(_INSIDE)
            begin = cast("Any", channel)._channel.segregated_call  # noqa: SLF001 - see above
            batches = (
                (cygrpc.SendInitialMetadataOperation(details.metadata or (), _PLAIN), cygrpc.ReceiveStatusOnClientOperation(_PLAIN)),
                (cygrpc.ReceiveInitialMetadataOperation(_PLAIN),),
            )
            deadline = None if details.timeout is None else time.time() + details.timeout
            tagged = tuple((batch, None) for batch in batches)
            call = begin(_PLAIN, details.method.encode(), None, deadline, details.metadata, None, tagged, None)
        except (ImportError, AttributeError, TypeError):
            return None
        return cls(call, cygrpc, len(batches))

    def ask(self, request: bytes) -> bytes | None:
        """As `Turns.ask`."""
        batch = (self._inside.SendMessageOperation(request, _PLAIN), self._inside.ReceiveMessageOperation(_PLAIN))
        if self._ended is None and self._call.operate(batch, None):
            self._due += 1
        answer = self._heard()
        if answer is None and self._ended is not None and self._ended.code():
            raise EndedError(self._ended)
        return answer

    def cancel(self) -> None:
        """End it, and hear what it still owes: only then does gRPC let go of it."""
        if self._due:
            self._call.cancel(grpc.StatusCode.CANCELLED.value[0], "the caller has ended the stream")
        while self._due:
            self._heard()

    def _heard(self) -> bytes | None:
        """The next answer; None when there is none any more."""
        kinds = self._inside.OperationType
        while self._due:
            event = self._call.next_event()
            self._due -= 1
            for done in event.batch_operations:
                if done.type() == kinds.receive_status_on_client:
                    self._ended = done
                elif done.type() == kinds.receive_message and done.message() is not None:
                    return done.message()
        return None


class EndedError(grpc.RpcError):
    """Why such a call ended; what it can be asked is what all errors of gRPC can be asked."""

    def __init__(self, status: Any) -> None:  # noqa: ANN401 - gRPC's inside has no types
        super().__init__(status.details())
        self._status = status

    def code(self) -> grpc.StatusCode:
        """What kind of end it was."""
        return _STATUS.get(self._status.code(), grpc.StatusCode.UNKNOWN)

    def details(self) -> str:
        """In words."""
        details = self._status.details()
        return details.decode(errors="replace") if isinstance(details, bytes) else details or ""

    def trailing_metadata(self) -> Any:  # noqa: ANN401 - as above
        """What was said besides: names and values."""
        return tuple(self._status.trailing_metadata() or ())
