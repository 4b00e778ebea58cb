"""How a client reaches the service: one channel, a deadline for each try, and tries again where a moment may mend what went wrong.

All that is sent may be sent again: appends, imports and judgements carry keys, and the rest only looks or comes to the same end.
"""

import logging
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tandem_memory.client import errors
from tandem_memory.client.errors import MemoryServiceError

if TYPE_CHECKING:
    import grpc
    from grpc import aio
    from stamina import Attempt
    from tandem.memory.v1.memory_pb2_grpc import MemoryServiceAsyncStub, MemoryServiceStub
    from tandem_rpc import ClientTls

_log = logging.getLogger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")

MESSAGE_BYTES = 64 * 1024 * 1024  # a thousand records with their vectors come as one answer; the service has the last word on its own limit
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0  # as long as a channel waits before it connects anew
_JITTER_S = 0.2  # summed over the first tries it spreads callers over more than the longest pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms calls are made.

    Attributes:
        namespace: Whose records are meant.
        deadline_s: Longest time for one try of a call.
        patience_s: How long a call is tried again while the service cannot be reached or is busy; None is for ever.
    """

    namespace: str
    deadline_s: float = 30.0
    patience_s: float | None = 30.0

    def but(self, namespace: str | None, deadline_s: float | None, patience_s: float | None) -> "Terms":
        """These, with those replaced that are not None."""
        given = {"namespace": namespace, "deadline_s": deadline_s, "patience_s": patience_s}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def patient(self) -> "Terms":
        """These, with patience for ever."""
        return replace(self, patience_s=None)

    @property
    def silence_s(self) -> float | None:
        """How long a stream may be without an answer that is due; None is for ever."""
        return None if self.patience_s is None else self.patience_s + self.deadline_s

    def may_try_again(self, error: MemoryServiceError) -> bool:
        """Whether a first try that failed is followed by others. It is made outside of `tries`, which cost a quarter of a call."""
        return error.passing and self.patience_s != 0

    def tries(self) -> "Iterator[Attempt]":
        """One try after the other, for as long as patience lasts; leave the loop with the first that succeeds."""
        from stamina import retry_context

        return iter(retry_context(_passing, **self._again()))

    def tries_async(self) -> "AsyncIterator[Attempt]":
        """The same, in an event loop."""
        from stamina import retry_context

        return aiter(retry_context(_passing, **self._again()))

    def _again(self) -> dict[str, Any]:
        """How often and for how long, in stamina's words."""
        once = self.patience_s == 0
        return {
            "attempts": 1 if once else None,
            "timeout": None if once else self.patience_s,
            "wait_initial": _FIRST_PAUSE_S,
            "wait_max": _LONGEST_PAUSE_S,
            "wait_jitter": _JITTER_S,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A connection, and how it is spoken over by threads that wait."""

    address: str
    channel: "grpc.Channel"
    stub: "MemoryServiceStub"

    @classmethod
    def to(cls, address: str, token_file: Path | None, tls: "ClientTls | None", *, plaintext: bool) -> "Link":
        """A link; nothing is connected before it is used."""
        from tandem.memory.v1.memory_pb2_grpc import MemoryServiceStub
        from tandem_rpc import channel

        made = channel(address, token_file=token_file, tls=tls, plaintext=plaintext, max_message_bytes=MESSAGE_BYTES)
        return cls(address=address, channel=made, stub=MemoryServiceStub(made))

    def ask(self, terms: Terms, method: "grpc.UnaryUnaryMultiCallable[Q, A]", request: Q) -> A:
        """Call a method until it answers.

        Raises:
            MemoryServiceError: when it does not.
        """
        try:
            return self._once(terms, method, request)
        except MemoryServiceError as error:
            if not terms.may_try_again(error):
                raise
        for attempt in terms.tries():
            with attempt:
                return self._once(terms, method, request)
        raise AssertionError  # stamina raises the last error itself

    def heard(self, said: Iterator[A]) -> A | None:
        """The next answer of a stream; None when the service has ended it.

        Raises:
            MemoryServiceError: when it broke.
        """
        with said_well(self.address):
            return next(said, None)

    def _once(self, terms: Terms, method: "grpc.UnaryUnaryMultiCallable[Q, A]", request: Q) -> A:
        with said_well(self.address):
            return method(request, timeout=terms.deadline_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncLink:
    """A connection, and how it is spoken over in an event loop."""

    address: str
    channel: "aio.Channel"
    stub: "MemoryServiceAsyncStub"

    @classmethod
    def to(cls, address: str, token_file: Path | None, tls: "ClientTls | None", *, plaintext: bool) -> "AsyncLink":
        """A link that belongs to the event loop that runs now; nothing is connected before it is used."""
        from tandem.memory.v1.memory_pb2_grpc import MemoryServiceStub
        from tandem_rpc import channel_async

        made = channel_async(address, token_file=token_file, tls=tls, plaintext=plaintext, max_message_bytes=MESSAGE_BYTES)
        return cls(address=address, channel=made, stub=MemoryServiceStub(made))

    async def ask(self, terms: Terms, method: "aio.UnaryUnaryMultiCallable[Q, A]", request: Q) -> A:
        """Call a method until it answers.

        Raises:
            MemoryServiceError: when it does not.
        """
        try:
            return await self._once(terms, method, request)
        except MemoryServiceError as error:
            if not terms.may_try_again(error):
                raise
        async for attempt in terms.tries_async():
            with attempt:
                return await self._once(terms, method, request)
        raise AssertionError  # stamina raises the last error itself

    async def heard(self, said: AsyncIterator[A]) -> A | None:
        """As `Link.heard`."""
        with said_well(self.address):
            return await anext(said, None)

    async def _once(self, terms: Terms, method: "aio.UnaryUnaryMultiCallable[Q, A]", request: Q) -> A:
        with said_well(self.address):
            return await method(request, timeout=terms.deadline_s)


@contextmanager
def said_well(address: str) -> Generator[None]:
    """Turns what gRPC raises into the errors of this client."""
    import asyncio

    import grpc

    try:
        yield
    except asyncio.CancelledError:  # of the task, or of the call alone: a closed channel cancels its calls, and gRPC whoever awaits one
        if _asked_to_go():
            raise
        raise errors.closed(address) from None
    except grpc.RpcError as error:
        raise errors.of(error, address) from error
    except (ValueError, grpc.aio.UsageError) as error:
        if "closed" not in str(error):  # "on closed channel", "Channel is closed": gRPC's words
            raise
        raise errors.closed(address) from None


def _asked_to_go() -> bool:
    """Whether the task itself was cancelled."""
    import asyncio

    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _passing(error: Exception) -> bool:
    if not (isinstance(error, MemoryServiceError) and error.passing):
        return False
    _log.info("%s; tried again while patience lasts", error)
    return True


def _of_others(record: logging.LogRecord) -> bool:
    """Whether stamina tells of somebody else's try. It says "stamina.retry_scheduled" and no more, at every one; ours are told above."""
    cause = str(getattr(record, "stamina.caused_by", ""))
    return cause.partition("(")[0] not in {kind.__name__ for kind in MemoryServiceError.__subclasses__()}


logging.getLogger("stamina").addFilter(_of_others)
