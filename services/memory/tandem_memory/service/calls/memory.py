"""All calls of the wire, from the groups that they belong to."""

from tandem.memory.v1.memory_pb2_grpc import MemoryServiceServicer

from tandem_memory.service.calls.appending import Appending
from tandem_memory.service.calls.judging import Judging
from tandem_memory.service.calls.moving import Moving
from tandem_memory.service.calls.reading import Reading
from tandem_memory.service.calls.searching import Searching
from tandem_memory.service.calls.upkeep import Upkeep
from tandem_memory.service.calls.watching import Watching


class Memory(Appending, Searching, Reading, Watching, Judging, Moving, Upkeep, MemoryServiceServicer):
    """The service."""
