"""Watch: every change, for as long as the caller listens and the service goes on.

Nothing is kept for a watcher but its place in the log: changes are read when those before were sent, so one that reads slowly
costs no memory, whatever is appended meanwhile.
"""

from collections.abc import AsyncGenerator

import grpc
from tandem.memory.v1.memory_pb2 import WatchRequest, WatchResponse
from tandem_rpc import Refused

from tandem_memory.acceptance import check_watch
from tandem_memory.rights import Right
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context
from tandem_memory.service.skipping import Skipping
from tandem_memory.service.stopping import StoppingError


class Watching(Calls):
    """Tells what happens."""

    async def Watch(self, request: WatchRequest, context: Context) -> AsyncGenerator[WatchResponse]:  # noqa: N802 - the wire's name
        """Every change from a cursor on; ends with UNAVAILABLE when the service stops, so that callers come back."""
        with told(self._parts.figures, "Watch", request.namespace, about="cursor", timed=False):
            self._allow(context, request.namespace, Right.READ)
            check_watch(request)
            skipping = Skipping(request.namespace, wanted=request.skip_damaged)
            news = self._parts.backend.watch(
                *(request.namespace, request.cursor, request.filter),
                only_new=request.only_new,
                vectors=request.with_vectors,
                damaged=skipping.hears,
            )
            with self._parts.figures.watching() as count:
                while True:
                    try:
                        each = await self._parts.stopping.before(lambda: anext(news))
                    except (StoppingError, StopAsyncIteration):
                        break
                    self._allow(context, request.namespace, Right.READ)  # it may have been taken away meanwhile
                    count(len(each.changes))
                    yield WatchResponse(changes=each.changes, cursor=each.cursor, skipped=skipping.taken())
        raise Refused(grpc.StatusCode.UNAVAILABLE, "watch: the service is stopping; watch again from the last cursor")
