"""Append and AppendStream: checked, embedded, kept."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from tandem.memory.v1.memory_pb2 import AppendRequest, AppendResponse

from tandem_memory.acceptance import check_append
from tandem_memory.backend import Appended
from tandem_memory.rights import Right
from tandem_memory.service import texts
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context
from tandem_memory.service.pipeline import Turn, Turns, in_order


class Appending(Calls):
    """Takes records in."""

    async def Append(self, request: AppendRequest, context: Context) -> AppendResponse:  # noqa: N802 - the wire's name
        """Keep records, and answer when all of them are durable."""
        return await self._append(request, context, Turn())

    async def AppendStream(  # noqa: N802 - the wire's name
        self, request_iterator: AsyncIterator[AppendRequest], context: Context
    ) -> AsyncGenerator[AppendResponse]:
        """The same for many, several of which become durable together; the store is asked in their order, which a cluster need not keep."""
        turns = Turns()
        async for answer in in_order(request_iterator, lambda request: self._append(request, context, turns.following())):
            yield answer

    async def _append(self, request: AppendRequest, context: Context, turn: Turn) -> AppendResponse:
        with told(self._parts.figures, "Append", request.namespace, about="records"):
            with turn:
                self._allow(context, request.namespace, Right.APPEND)
                check_append(request, self._parts.limits)
                embedding = await texts.embedded(self._parts, request.namespace, request.records)
                await turn.come()
            done = await self._parts.backend.append(request.namespace, request.records, embedding=embedding)
            return self._answer(done)

    def _answer(self, done: Sequence[Appended]) -> AppendResponse:
        known = [each.known for each in done]
        self._parts.figures.appended(len(known) - sum(known), sum(known))
        return AppendResponse(ids=[each.id for each in done], known=known)
