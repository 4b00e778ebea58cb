"""All calls of the wire, from the groups that they belong to."""

from tandem.memory.v1.memory_pb2_grpc import MemoryServiceServicer

from tandem_memory.service.appending import Appending
from tandem_memory.service.judging import Judging
from tandem_memory.service.moving import Moving
from tandem_memory.service.reading import Reading
from tandem_memory.service.searching import Searching
from tandem_memory.service.upkeep import Upkeep
from tandem_memory.service.watching import Watching


class Memory(Appending, Searching, Reading, Watching, Judging, Moving, Upkeep, MemoryServiceServicer):
    """The service."""
