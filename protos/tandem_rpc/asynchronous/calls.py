"""What holds for every call that is answered in an event loop: the rules of `tandem_rpc.calls`, in one piece.

They are one coroutine around the method instead of a chain, because in a loop every link is paid for by all calls.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any, TypeAlias, cast

import grpc
import grpc.aio

from tandem_rpc.callers import Caller, remember
from tandem_rpc.calls import HEALTH, Streams, too_long, too_many, within
from tandem_rpc.enclosing import Behaviour, Method, rewritten, streaming
from tandem_rpc.errors import FIELD_KEY, Refused

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Identified: TypeAlias = Callable[[Mapping[str, str | bytes]], Awaitable[Caller | None]]
"""Says who sent this metadata, or raises `Refused`."""

_Answering: TypeAlias = Callable[[Any, Context], Awaitable[object]]


class Manners(grpc.aio.ServerInterceptor):
    """Lets in known callers, counts streams, bounds unary calls in time and says refusals well."""

    def __init__(self, identified: Identified | None, most: Streams, longest_s: float) -> None:
        self._identified, self._longest_s, self._most = identified, longest_s, most
        self._speaking = self._open = 0

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Method | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Method | None:
        """The method to call, under the rules; None when there is no such method."""
        method = await continuation(handler_call_details)
        if method is None or handler_call_details.method.startswith(HEALTH):
            return method
        metadata = dict(handler_call_details.invocation_metadata)

        def ruled(behaviour: Behaviour) -> Behaviour:
            answering = self._bounded(method, _written(behaviour) if method.response_streaming else cast("_Answering", behaviour))

            async def call(request: object, context: Context) -> object:
                try:
                    if self._identified:
                        remember(context, await self._identified(metadata))
                    return await answering(request, context)
                except Refused as refused:
                    await context.abort(refused.code, refused.message, ((FIELD_KEY, refused.field),) if refused.field else ())

            return cast("Behaviour", call)

        return rewritten(method, ruled)

    def _bounded(self, method: Method, answering: _Answering) -> _Answering:
        """`answering`, with a place if it is a stream and with a deadline if it is not."""

        async def stream(request: object, context: Context) -> object:
            with self._place(speaker=method.request_streaming):
                return await answering(request, context)

        async def single(request: object, context: Context) -> object:
            if within(context.time_remaining(), self._longest_s):
                return await answering(request, context)
            ours = asyncio.timeout(self._longest_s)
            try:
                async with ours:
                    return await answering(request, context)
            except TimeoutError:
                if not ours.expired():
                    raise  # the method's own
                raise too_long(self._longest_s) from None

        return stream if streaming(method) else single

    @contextmanager
    def _place(self, *, speaker: bool) -> Generator[None]:
        """One of the places for streams, given back when the call is over."""
        if self._open >= self._most.all:
            raise too_many(self._most.all)
        if speaker and self._speaking >= self._most.speakers:
            raise too_many(self._most.speakers)
        self._open += 1
        self._speaking += speaker
        try:
            yield
        finally:
            self._open -= 1
            self._speaking -= speaker


def _written(behaviour: Behaviour) -> _Answering:
    """`behaviour`, whose answers are sent one by one: closed for certain when the call ends, whoever ends it.

    A caller who leaves cancels the call. Where an answer is on its way at that moment gRPC raises InternalError, which it would log as a
    failure of ours, traceback and all.
    """

    async def answering(request: object, context: Context) -> None:
        async with aclosing(cast("AsyncGenerator[object]", behaviour(request, cast("Any", context)))) as answers:
            async for answer in answers:
                try:
                    await context.write(answer)
                except grpc.aio.InternalError:
                    raise asyncio.CancelledError from None

    return answering
