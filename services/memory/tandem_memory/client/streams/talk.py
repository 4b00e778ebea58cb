"""A stream of requests and answers, spoken by a thread of its own, made again when it breaks; nothing is lost or skipped."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from tandem_memory.client.errors import MemoryServiceError, TooLateError, ended, in_all
from tandem_memory.client.link import Link, Terms, said_well
from tandem_memory.client.requests import Sized
from tandem_memory.client.streams.line import Line

if TYPE_CHECKING:
    import grpc

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class Talk(Generic[Sized, Request, Answer]):
    """Items go in; `told` hears of each request's items and their answer, in order, in the talk's thread. What it raises ends the talk."""

    def __init__(
        self,
        link: Link,
        terms: Terms,
        method: "grpc.StreamStreamMultiCallable[Request, Answer]",
        line: Line[Sized, Request],
        told: Callable[[Sequence[Sized], Answer], None],
    ) -> None:
        self._link, self._terms, self._method, self._line, self._told = link, terms, method, line, told
        self._changed = threading.Condition()
        self._stream = 0
        self._closed = False
        self._failed: Exception | None = None
        self._call: grpc.Call | None = None
        self._thread = threading.Thread(target=self._speak, name="memory-stream", daemon=True)

    def put(self, item: Sized) -> None:
        """Have an item sent; waits while as much is unanswered as may be under way.

        Raises:
            MemoryServiceError: what ended the talk, or TooLateError when nothing is answered any more.
        """
        with self._changed:
            if self._thread.ident is None:
                self._thread.start()
            self._wait(lambda: not self._line.full)
            self._line.put(item)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything that was put is answered.

        Raises:
            MemoryServiceError: what ended the talk, or TooLateError when nothing is answered any more.
        """
        with self._changed:
            self._wait(lambda: not len(self._line))

    def close(self) -> None:
        """Say nothing more; what is not answered stays unanswered. The service is not waited for: what it answered was told before."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._call:
            self._call.cancel()
        if self._thread.ident is not None:
            self._thread.join()

    def _wait(self, until: Callable[[], bool]) -> None:
        """Wait for as long as answers come: a service that is connected, and silent for longer than a call may take, is given up."""
        while not (self._failed or until()):
            if not self._changed.wait_for(partial(self._moved, self._line.answers, until), self._terms.silence_s):
                raise silent(self._link.address, len(self._line), self._terms)
        if self._failed:
            raise self._failed

    def _moved(self, answers: int, until: Callable[[], bool]) -> bool:
        return self._failed is not None or self._line.answers > answers or until()

    def _speak(self) -> None:
        try:
            while not self._over():
                self._tried()
        except Exception as error:  # noqa: BLE001 - raised where the next item is put, or all are waited for
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failed = error
            self._changed.notify_all()

    def _over(self) -> bool:
        """Wait for something to say; whether the talk has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._failed or len(self._line))
            return self._closed or self._failed is not None

    def _tried(self) -> None:
        """Speak over one stream after the other, until one of them has brought answers; then patience begins anew."""
        for attempt in self._terms.tries():
            with attempt:
                self._listen()

    def _listen(self) -> None:
        """Open a stream and hear its answers until it ends.

        Raises:
            MemoryServiceError: when it broke before it brought an answer, or for a reason that does not pass.
        """
        heard = False
        if self._closed:
            return
        try:
            with said_well(self._link.address):
                self._call = call = self._method(self._requests(self._begun()))
                if self._closed:  # meanwhile
                    call.cancel()
            while not self._failed and (answer := self._link.heard(call)) is not None:
                heard = True
                self._hear(answer)
            if not heard and not self._closed and len(self._line):
                raise ended(self._link.address)
        except MemoryServiceError as error:
            if self._closed or (error.passing and heard):
                return
            raise in_all(error, self._line.answered_items) from error

    def _begun(self) -> int:
        with self._changed:
            self._stream += 1
            self._line.begin()
            self._changed.notify_all()
            return self._stream

    def _requests(self, stream: int) -> Iterator[Request]:
        """What is said over a stream, as it comes; gRPC reads this in a thread of its own, perhaps on when the stream is broken."""
        while (request := self._taken(stream)) is not None:
            yield request

    def _taken(self, stream: int) -> Request | None:
        request: Request | None = None

        def ready() -> bool:
            nonlocal request
            if stream != self._stream or self._failed:
                return True
            request = self._line.take()
            return request is not None or self._closed

        with self._changed:
            self._changed.wait_for(ready)
        return request

    def _hear(self, answer: Answer) -> None:
        try:
            self._told(self._line.oldest(), answer)  # before it counts as answered: a flush ends when everything was told
        except Exception as error:  # noqa: BLE001 - of the listener, whatever its kind: no reason to try the stream again
            self._fail(error)
            return
        with self._changed:
            self._line.answered()
            self._changed.notify_all()


def silent(address: str, left: int, terms: Terms) -> TooLateError:
    """What is said of a service that is there and answers nothing."""
    return TooLateError(f"memory at {address}: {left} of what was sent is not answered, and nothing was for {terms.silence_s:g} s")
