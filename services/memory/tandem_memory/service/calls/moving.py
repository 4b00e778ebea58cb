"""Export and Import: whole namespaces on their way out and in."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from tandem.memory.v1.memory_pb2 import ExportRequest, ExportResponse, ImportRequest, ImportResponse, Record

from tandem_memory.acceptance import check_import, check_named
from tandem_memory.backend import Appended
from tandem_memory.rights import Right
from tandem_memory.service import texts
from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context
from tandem_memory.service.pipeline import Turn, Turns, in_order
from tandem_memory.service.skipping import Skipping

_PART_BYTES = 1024 * 1024  # of an answer, and a single record whatever its size


class Moving(Calls):
    """Hands records out, and takes them back."""

    async def Export(self, request: ExportRequest, context: Context) -> AsyncGenerator[ExportResponse]:  # noqa: N802 - the wire's name
        """All records that match, as they are at one moment."""
        with told(self._parts.figures, "Export", request.namespace, timed=False):
            self._allow(context, request.namespace, Right.READ)
            check_named(request)
            skipping = Skipping(request.namespace, wanted=request.skip_damaged)
            there = await self._parts.backend.origin(request.namespace)
            embedding = there.embedding if there else ""  # and the backend says that there is none
            parts = self._parts.backend.export(request.namespace, request.filter, vectors=request.with_vectors, damaged=skipping.hears)
            async for records in parts:
                self._allow(context, request.namespace, Right.READ)  # it may have been taken away meanwhile
                for part in _parts(records):
                    yield ExportResponse(records=part, skipped=skipping.taken(), embedding=embedding)
            if skipped := skipping.taken():
                yield ExportResponse(skipped=skipped, embedding=embedding)

    async def Import(self, request_iterator: AsyncIterator[ImportRequest], context: Context) -> ImportResponse:  # noqa: N802 - the wire's name
        """Take in what was exported; what is there already, by its key, stays as it is."""
        taken = known = 0
        turns = Turns()
        async for done in in_order(request_iterator, lambda request: self._take_back(request, context, turns.following())):
            there = sum(each.known for each in done)
            self._parts.figures.appended(len(done) - there, there)
            taken, known = taken + len(done) - there, known + there
        return ImportResponse(taken=taken, known=known)

    async def _take_back(self, request: ImportRequest, context: Context, turn: Turn) -> Sequence[Appended]:
        with told(self._parts.figures, "Import", request.namespace, about="records"):
            with turn:
                self._allow(context, request.namespace, Right.ADMIN)
                check_import(request, self._parts.limits)
                embedding = await texts.embedded_before(self._parts, request.namespace, request.records, request.embedding)
                await turn.come()
            return await self._parts.backend.take_back(request.namespace, request.records, embedding=embedding)


def _parts(records: Sequence[Record]) -> "list[list[Record]]":
    """`records`, in pieces that are small enough for a message."""
    parts, size = list[list[Record]](), 0
    for record in records:
        size += record.ByteSize()
        if not parts or size > _PART_BYTES:
            parts.append([])
            size = record.ByteSize()
        parts[-1].append(record)
    return parts
