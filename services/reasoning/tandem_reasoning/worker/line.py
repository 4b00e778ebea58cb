"""How a worker speaks to its coordinator: calls that go on until they are answered, since a coordinator that is gone comes back."""

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import grpc
from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceStub
from tandem_rpc import ClientTls, channel_async

from tandem_reasoning.lanes.backoff import pause_s

if TYPE_CHECKING:
    from tandem.reasoning.v1.reasoning_pb2_grpc import ReasoningServiceAsyncStub

_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED)
_CALL_S = 20.0  # for one try: a group of the ledger waits for its disk, and that alone
_MOST_PAUSE_S = 2.0  # a coordinator that was started anew is to be used at once
_log = logging.getLogger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")


class Line:
    """A line to the coordinator; all that is said over it may be said again."""

    def __init__(self, address: str, token_file: Path | None, *, tls: ClientTls | None = None, plaintext: bool = False) -> None:
        """A line; nothing is connected before it is used.

        Raises:
            tandem_rpc.RpcSetupError: when it cannot be used.
        """
        self._address = address
        self._channel = channel_async(address, token_file=token_file, tls=tls, plaintext=plaintext)
        self.stub: ReasoningServiceAsyncStub = ReasoningServiceStub(self._channel)

    async def ask(self, method: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", request: Q) -> A:
        """The answer, however long it takes until the coordinator is there.

        Raises:
            grpc.aio.AioRpcError: when it refuses.
        """
        return await self.ask_anew(method, lambda: request)

    async def ask_anew(self, method: "grpc.aio.UnaryUnaryMultiCallable[Q, A]", wish: Callable[[], Q]) -> A:
        """The same, with a request that is made for each try: what it says may be another by then.

        Raises:
            grpc.aio.AioRpcError: when it refuses.
        """
        failures = 0
        while True:
            try:
                return await method(wish(), timeout=_CALL_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in _PASSING:
                    raise
                failures += 1
                if failures == 1:
                    _log.warning("coordinator at %s: %s; asked again until it answers", self._address, error.details())
            await asyncio.sleep(pause_s(failures, chance=random.random(), most_s=_MOST_PAUSE_S))  # noqa: S311 - jitter, not a secret

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
