"""Prune and Feedback: what is worth its place, and what is not."""

from collections import Counter
from datetime import UTC

from tandem.memory.v1.memory_pb2 import FeedbackRequest, FeedbackResponse, PruneRequest, PruneResponse

from tandem_memory.acceptance import check_feedback, check_prune
from tandem_memory.backend import Pruning
from tandem_memory.rights import Right
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context

_NAMED = 1000  # ids of what was removed that are told, as the wire says


class Judging(Calls):
    """Books what records were good for, and removes those that were not."""

    async def Feedback(self, request: FeedbackRequest, context: Context) -> FeedbackResponse:  # noqa: N802 - the wire's name
        """Book what recalling records was good for."""
        with told(self._parts.figures, "Feedback", request.namespace, about="judged"):
            self._allow(context, request.namespace, Right.APPEND)
            check_feedback(request)
            return FeedbackResponse(taken=await self._parts.backend.judge(request.namespace, request.judged))

    async def Prune(self, request: PruneRequest, context: Context) -> PruneResponse:  # noqa: N802 - the wire's name
        """Remove records for good, or say which would go; who only looks needs no more than the right to read."""
        with told(self._parts.figures, "Prune", request.namespace):
            self._allow(context, request.namespace, Right.READ if request.dry_run else Right.ADMIN)
            check_prune(request)
            removed = await self._parts.backend.prune(request.namespace, _pruning(request))
            return PruneResponse(removed=len(removed.ids), kept=removed.kept, by_source=Counter(removed.sources), ids=removed.ids[:_NAMED])


def _pruning(request: PruneRequest) -> Pruning:
    return Pruning(
        among=request.filter,
        keep_best=request.keep_best if request.HasField("keep_best") else None,
        per_source=request.per_source,
        before=request.before.ToDatetime(tzinfo=UTC) if request.HasField("before") else None,
        harmful_after=request.harmful_after if request.HasField("harmful_after") else None,
        dry_run=request.dry_run,
    )
