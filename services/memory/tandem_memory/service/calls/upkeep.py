"""Check and Backup: the whole store at once."""

from tandem.memory.v1.memory_pb2 import BackupRequest, BackupResponse, CheckRequest, CheckResponse

from tandem_memory.service.outcome import told
from tandem_memory.service.parts import Calls, Context


class Upkeep(Calls):
    """Looks after the store."""

    async def Check(self, request: CheckRequest, context: Context) -> CheckResponse:  # noqa: ARG002, N802 - the wire's name; it asks for nothing
        """Compare every part of the store with every other."""
        with told(self._parts.figures, "Check"):
            self._allow_everywhere(context)
            records, findings = await self._parts.backend.check()
            return CheckResponse(records=records, findings=findings)

    async def Backup(self, request: BackupRequest, context: Context) -> BackupResponse:  # noqa: N802 - the wire's name
        """Copy the store to an object store."""
        with told(self._parts.figures, "Backup"):
            self._allow_everywhere(context)
            made = await self._parts.backup(request.uri)
            return BackupResponse(uri=made.uri, records=made.records, bytes=made.bytes)
