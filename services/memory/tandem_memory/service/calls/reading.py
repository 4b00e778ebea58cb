"""Get, Scan, Stats and ListNamespaces: looks at what is there."""

from tandem.memory.v1.memory_pb2 import (
    GetRequest,
    GetResponse,
    ListNamespacesRequest,
    ListNamespacesResponse,
    ScanRequest,
    ScanResponse,
    StatsRequest,
    StatsResponse,
)
from tandem_rpc import caller

from tandem_memory.acceptance import check_get, check_named, check_scan
from tandem_memory.acceptance.limits import DEFAULT_PAGE
from tandem_memory.rights import Right
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context


class Reading(Calls):
    """Reads records."""

    async def Get(self, request: GetRequest, context: Context) -> GetResponse:  # noqa: N802 - the wire's name
        """Single records; those of the first ids only where they are large."""
        with told(self._parts.figures, "Get", request.namespace, about="ids"):
            self._allow(context, request.namespace, Right.READ)
            check_get(request)
            got = await self._parts.backend.get(request.namespace, request.ids, vectors=request.with_vectors)
            return GetResponse(records=got.records, left=got.left)

    async def Scan(self, request: ScanRequest, context: Context) -> ScanResponse:  # noqa: N802 - the wire's name
        """A page of records, and where the next one begins; fewer than were asked for where they are large."""
        with told(self._parts.figures, "Scan", request.namespace, about="cursor"):
            self._allow(context, request.namespace, Right.READ)
            check_scan(request)
            limit = request.limit or DEFAULT_PAGE
            page = await self._parts.backend.scan(request.namespace, request.cursor, limit, request.filter, vectors=request.with_vectors)
            return ScanResponse(records=page.records, cursor=page.cursor)

    async def Stats(self, request: StatsRequest, context: Context) -> StatsResponse:  # noqa: N802 - the wire's name
        """Counts and means."""
        with told(self._parts.figures, "Stats", request.namespace):
            self._allow(context, request.namespace, Right.READ)
            check_named(request)
            return await self._parts.backend.stats(request.namespace, request.filter)

    async def ListNamespaces(  # noqa: N802 - the wire's name
        self,
        request: ListNamespacesRequest,  # noqa: ARG002 - it asks for nothing
        context: Context,
    ) -> ListNamespacesResponse:
        """The namespaces that the caller may read, by name."""
        with told(self._parts.figures, "ListNamespaces"):
            rights, who = self._parts.rights(), caller(context)
            there = await self._parts.backend.namespaces()
            return ListNamespacesResponse(namespaces=[each for each in there if rights.highest(who, each.name)])
