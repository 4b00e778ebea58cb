"""Keeps the newest word of a stream close at hand: a thread of its own listens, and whoever asks never waits for the wire."""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

import grpc

_PAUSE_S = 1.0  # about what a service of ours takes to start
_log = logging.getLogger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Stream(Protocol[T_co]):
    """What a call of a streaming method gives."""

    def __iter__(self) -> Iterator[T_co]:
        """The messages."""
        ...

    def cancel(self) -> object:
        """End it from our side."""
        ...


class Following(Generic[T]):
    """The newest message of a server's stream, kept through breaks of the connection and restarts of the server."""

    def __init__(
        self,
        channel: grpc.Channel,
        stream: Callable[[], Stream[T]],
        *,
        who: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """Begin to listen. A server that is not there (yet) is no error.

        Args:
            channel: To the server; closed with this, and at once where this cannot begin.
            stream: Opens the stream on that channel; asked again whenever it broke.
            who: Of whom it is, for the log.
            now: The time that tells when a message came; asked from the listening thread.
            on_change: Told from the listening thread that there is news; must not block.

        Raises:
            RuntimeError: when the machine has no thread for it.
        """
        self._channel, self._stream, self._who, self._now, self._on_change = channel, stream, who, now, on_change
        self._newest: tuple[T, datetime] | None = None
        self._lock, self._leave = threading.Lock(), threading.Event()
        self._call: Stream[T] | None = None
        self._complained = ""
        self._thread = threading.Thread(target=self._listen, name=f"following {who}", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            channel.close()
            raise

    def newest(self) -> tuple[T, datetime] | None:
        """The newest message and when it came; None until the server was heard."""
        with self._lock:
            return self._newest

    def close(self) -> None:
        """Listen no more. What was heard stays."""
        with self._lock:
            self._leave.set()
            call = self._call
        if call is not None:
            call.cancel()
        self._thread.join()
        self._channel.close()  # last: gRPC has died of a channel that was closed while a thread began a call on it

    def _listen(self) -> None:
        while not self._leave.is_set():
            self._followed()
            if self._leave.wait(_PAUSE_S * random.uniform(0.5, 1.5)):  # noqa: S311 - jitter, not a secret
                return

    def _followed(self) -> None:
        with self._lock:
            if self._leave.is_set():
                return
            self._call = call = self._stream()
        try:
            for message in call:
                with self._lock:
                    self._newest = message, self._now()
                self._complained = ""
                if self._on_change:
                    self._on_change()
        except grpc.RpcError as error:
            self._broken(error)

    def _broken(self, error: Any) -> None:  # noqa: ANN401 - grpc.RpcError has code() and details() only at run time
        text = f"{self._who}: {error.code().name} {error.details()}; listening again once it answers"
        if not self._leave.is_set() and text != self._complained:
            self._complained = text
            _log.info("%s", text)
